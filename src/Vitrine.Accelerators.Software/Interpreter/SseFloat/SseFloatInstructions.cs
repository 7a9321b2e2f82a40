using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.FloatingPoint;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Interpreter.Mmx;
using Vitrine.Accelerators.Software.Interpreter.Sse;
using Vitrine.Accelerators.Software.Interpreter.SseFloat.Operations;

namespace Vitrine.Accelerators.Software.Interpreter.SseFloat;

/// <summary>All instructions of SSE, SSE2, SSE3 and SSE4.1 that compute with floating-point numbers.</summary>
internal static unsafe class SseFloatInstructions
{
    // SAFETY: takes addresses of binders only.

    /// <summary>Registers them.</summary>
    public static void Register(OpTable table)
    {
        Family<Arithmetic.Add>(table, Code.Addps_xmm_xmmm128, Code.Addpd_xmm_xmmm128, Code.Addss_xmm_xmmm32, Code.Addsd_xmm_xmmm64);
        Family<Arithmetic.Subtract>(table, Code.Subps_xmm_xmmm128, Code.Subpd_xmm_xmmm128, Code.Subss_xmm_xmmm32, Code.Subsd_xmm_xmmm64);
        Family<Arithmetic.Multiply>(table, Code.Mulps_xmm_xmmm128, Code.Mulpd_xmm_xmmm128, Code.Mulss_xmm_xmmm32, Code.Mulsd_xmm_xmmm64);
        Family<Arithmetic.Divide>(table, Code.Divps_xmm_xmmm128, Code.Divpd_xmm_xmmm128, Code.Divss_xmm_xmmm32, Code.Divsd_xmm_xmmm64);
        Family<Arithmetic.Min>(table, Code.Minps_xmm_xmmm128, Code.Minpd_xmm_xmmm128, Code.Minss_xmm_xmmm32, Code.Minsd_xmm_xmmm64);
        Family<Arithmetic.Max>(table, Code.Maxps_xmm_xmmm128, Code.Maxpd_xmm_xmmm128, Code.Maxss_xmm_xmmm32, Code.Maxsd_xmm_xmmm64);
        Family<Arithmetic.SquareRoot>(table, Code.Sqrtps_xmm_xmmm128, Code.Sqrtpd_xmm_xmmm128, Code.Sqrtss_xmm_xmmm32, Code.Sqrtsd_xmm_xmmm64);
        Family<Arithmetic.Compare>(table, Code.Cmpps_xmm_xmmm128_imm8, Code.Cmppd_xmm_xmmm128_imm8, Code.Cmpss_xmm_xmmm32_imm8, Code.Cmpsd_xmm_xmmm64_imm8);
        Family<Arithmetic.Round>(table, Code.Roundps_xmm_xmmm128_imm8, Code.Roundpd_xmm_xmmm128_imm8, Code.Roundss_xmm_xmmm32_imm8, Code.Roundsd_xmm_xmmm64_imm8);
        SingleFamily<Arithmetic.Reciprocal>(table, Code.Rcpps_xmm_xmmm128, Code.Rcpss_xmm_xmmm32);
        SingleFamily<Arithmetic.ReciprocalSquareRoot>(table, Code.Rsqrtps_xmm_xmmm128, Code.Rsqrtss_xmm_xmmm32);

        Aligned<Horizontal.Pairs<Arithmetic.Add, SingleFormat>>(table, Code.Haddps_xmm_xmmm128);
        Aligned<Horizontal.Pairs<Arithmetic.Add, DoubleFormat>>(table, Code.Haddpd_xmm_xmmm128);
        Aligned<Horizontal.Pairs<Arithmetic.Subtract, SingleFormat>>(table, Code.Hsubps_xmm_xmmm128);
        Aligned<Horizontal.Pairs<Arithmetic.Subtract, DoubleFormat>>(table, Code.Hsubpd_xmm_xmmm128);
        Aligned<Horizontal.Alternating<SingleFormat>>(table, Code.Addsubps_xmm_xmmm128);
        Aligned<Horizontal.Alternating<DoubleFormat>>(table, Code.Addsubpd_xmm_xmmm128);
        Aligned<Horizontal.DotProduct<SingleFormat>>(table, Code.Dpps_xmm_xmmm128_imm8);
        Aligned<Horizontal.DotProduct<DoubleFormat>>(table, Code.Dppd_xmm_xmmm128_imm8);

        table.Add(Code.Comiss_xmm_xmmm32, &FloatInstruction.BindOrder<SingleFormat, IOrdering.Signaling, Part<uint>>);
        table.Add(Code.Comisd_xmm_xmmm64, &FloatInstruction.BindOrder<DoubleFormat, IOrdering.Signaling, Part<ulong>>);
        table.Add(Code.Ucomiss_xmm_xmmm32, &FloatInstruction.BindOrder<SingleFormat, IOrdering.Quiet, Part<uint>>);
        table.Add(Code.Ucomisd_xmm_xmmm64, &FloatInstruction.BindOrder<DoubleFormat, IOrdering.Quiet, Part<ulong>>);

        table.Add(Code.Cvtss2sd_xmm_xmmm32, &FloatInstruction.BindXmm<Conversions.ScalarFormat<SingleFormat, DoubleFormat>, Part<uint>>);
        table.Add(Code.Cvtsd2ss_xmm_xmmm64, &FloatInstruction.BindXmm<Conversions.ScalarFormat<DoubleFormat, SingleFormat>, Part<ulong>>);
        table.Add(Code.Cvtps2pd_xmm_xmmm64, &FloatInstruction.BindXmm<Conversions.PackedFormat<SingleFormat, DoubleFormat>, Part<ulong>>);
        Aligned<Conversions.PackedFormat<DoubleFormat, SingleFormat>>(table, Code.Cvtpd2ps_xmm_xmmm128);

        Aligned<Conversions.IntegerToPacked<SingleFormat>>(table, Code.Cvtdq2ps_xmm_xmmm128);
        table.Add(Code.Cvtdq2pd_xmm_xmmm64, &FloatInstruction.BindXmm<Conversions.IntegerToPacked<DoubleFormat>, Part<ulong>>);
        Aligned<Conversions.PackedToInteger<SingleFormat, Conversions.Current>>(table, Code.Cvtps2dq_xmm_xmmm128);
        Aligned<Conversions.PackedToInteger<SingleFormat, Conversions.Truncate>>(table, Code.Cvttps2dq_xmm_xmmm128);
        Aligned<Conversions.PackedToInteger<DoubleFormat, Conversions.Current>>(table, Code.Cvtpd2dq_xmm_xmmm128);
        Aligned<Conversions.PackedToInteger<DoubleFormat, Conversions.Truncate>>(table, Code.Cvttpd2dq_xmm_xmmm128);

        table.Add(Code.Cvtsi2ss_xmm_rm32, &BindFromGeneral<SingleFormat, int, uint>);
        table.Add(Code.Cvtsi2ss_xmm_rm64, &BindFromGeneral<SingleFormat, long, ulong>);
        table.Add(Code.Cvtsi2sd_xmm_rm32, &BindFromGeneral<DoubleFormat, int, uint>);
        table.Add(Code.Cvtsi2sd_xmm_rm64, &BindFromGeneral<DoubleFormat, long, ulong>);
        ToGeneral<SingleFormat, uint, Conversions.Current>(table, Code.Cvtss2si_r32_xmmm32, Code.Cvtss2si_r64_xmmm32);
        ToGeneral<SingleFormat, uint, Conversions.Truncate>(table, Code.Cvttss2si_r32_xmmm32, Code.Cvttss2si_r64_xmmm32);
        ToGeneral<DoubleFormat, ulong, Conversions.Current>(table, Code.Cvtsd2si_r32_xmmm64, Code.Cvtsd2si_r64_xmmm64);
        ToGeneral<DoubleFormat, ulong, Conversions.Truncate>(table, Code.Cvttsd2si_r32_xmmm64, Code.Cvttsd2si_r64_xmmm64);

        table.Add(Code.Cvtpi2ps_xmm_mmm64, &FloatInstruction.Bind<Conversions.IntegerToPair, XmmRegister, MmxRegister, Part<ulong>>);
        table.Add(Code.Cvtpi2pd_xmm_mmm64, &FloatInstruction.Bind<Conversions.IntegerToPacked<DoubleFormat>, XmmRegister, MmxRegister, Part<ulong>>);
        ToMmx<Conversions.PairToInteger<Conversions.Current>, Part<ulong>>(table, Code.Cvtps2pi_mm_xmmm64);
        ToMmx<Conversions.PairToInteger<Conversions.Truncate>, Part<ulong>>(table, Code.Cvttps2pi_mm_xmmm64);
        ToMmx<Conversions.PackedToInteger<DoubleFormat, Conversions.Current>, Aligned128>(table, Code.Cvtpd2pi_mm_xmmm128);
        ToMmx<Conversions.PackedToInteger<DoubleFormat, Conversions.Truncate>, Aligned128>(table, Code.Cvttpd2pi_mm_xmmm128);
    }

    private static void Family<TElement>(OpTable table, Code packedSingle, Code packedDouble, Code scalarSingle, Code scalarDouble)
        where TElement : struct, IElementOp
    {
        SingleFamily<TElement>(table, packedSingle, scalarSingle);
        Aligned<Packed<TElement, DoubleFormat>>(table, packedDouble);
        table.Add(scalarDouble, &FloatInstruction.BindXmm<Scalar<TElement, DoubleFormat>, Part<ulong>>);
    }

    private static void SingleFamily<TElement>(OpTable table, Code packed, Code scalar)
        where TElement : struct, IElementOp
    {
        Aligned<Packed<TElement, SingleFormat>>(table, packed);
        table.Add(scalar, &FloatInstruction.BindXmm<Scalar<TElement, SingleFormat>, Part<uint>>);
    }

    private static void Aligned<TOp>(OpTable table, Code code)
        where TOp : struct, IFloatOp => table.Add(code, &FloatInstruction.BindXmm<TOp, Aligned128>);

    private static void ToGeneral<TFormat, TMemory, TRounding>(OpTable table, Code to32, Code to64)
        where TFormat : struct, ISseFormat
        where TMemory : unmanaged
        where TRounding : struct, Conversions.IRounding
    {
        table.Add(to32, &FloatInstruction.Bind<Conversions.ScalarToInteger<TFormat, int, TRounding>, GeneralRegister<uint>, XmmRegister, Part<TMemory>>);
        table.Add(to64, &FloatInstruction.Bind<Conversions.ScalarToInteger<TFormat, long, TRounding>, GeneralRegister<ulong>, XmmRegister, Part<TMemory>>);
    }

    private static void ToMmx<TOp, TMemory>(OpTable table, Code code)
        where TOp : struct, IFloatOp
        where TMemory : struct, IMemoryFormat => table.Add(code, &FloatInstruction.Bind<TOp, MmxRegister, XmmRegister, TMemory>);

    private static void BindFromGeneral<TFormat, TInteger, TRegister>(in Instruction instruction, in BindContext context, Op* op)
        where TFormat : struct, ISseFormat
        where TInteger : unmanaged
        where TRegister : unmanaged =>
        FloatInstruction.Bind<Conversions.IntegerToScalar<TFormat, TInteger>, XmmRegister, GeneralRegister<TRegister>, Part<TRegister>>(instruction, context, op);
}
