using Iced.Intel;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Interpreter.Mmx;
using Vitrine.Accelerators.Software.Interpreter.Sse.Operations;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Vitrine.Accelerators.Software.Interpreter.Sse;

/// <summary>Moves between XMM registers, MMX registers, general registers and memory, whole or in part.</summary>
internal static unsafe class SseMoves
{
    // SAFETY: takes addresses of static methods only.

    /// <summary>Registers the instructions.</summary>
    public static void Register(OpTable table)
    {
        RegisterWhole(table);
        RegisterParts(table);
        RegisterGeneral(table);
    }

    private static void RegisterWhole(OpTable table)
    {
        Load<Part<V>>(table, Code.Movups_xmm_xmmm128);
        Load<Part<V>>(table, Code.Movupd_xmm_xmmm128);
        Load<Part<V>>(table, Code.Movdqu_xmm_xmmm128);
        Load<Part<V>>(table, Code.Lddqu_xmm_m128);
        Load<Aligned128>(table, Code.Movaps_xmm_xmmm128);
        Load<Aligned128>(table, Code.Movapd_xmm_xmmm128);
        Load<Aligned128>(table, Code.Movdqa_xmm_xmmm128);
        Load<Aligned128>(table, Code.Movntdqa_xmm_m128);

        Store<Part<V>>(table, Code.Movups_xmmm128_xmm);
        Store<Part<V>>(table, Code.Movupd_xmmm128_xmm);
        Store<Part<V>>(table, Code.Movdqu_xmmm128_xmm);
        Store<Aligned128>(table, Code.Movaps_xmmm128_xmm);
        Store<Aligned128>(table, Code.Movapd_xmmm128_xmm);
        Store<Aligned128>(table, Code.Movdqa_xmmm128_xmm);
        Store<Aligned128>(table, Code.Movntps_m128_xmm);
        Store<Aligned128>(table, Code.Movntpd_m128_xmm);
        Store<Aligned128>(table, Code.Movntdq_m128_xmm);
    }

    private static void RegisterParts(OpTable table)
    {
        // Between registers the rest of the destination stays, from memory it is cleared.
        LoadPart<Shuffles.MergeLow<uint>, Shuffles.Copy, uint>(table, Code.Movss_xmm_xmmm32);
        LoadPart<Shuffles.MergeLow<ulong>, Shuffles.Copy, ulong>(table, Code.Movsd_xmm_xmmm64);
        LoadPart<Shuffles.CopyLow, Shuffles.Copy, ulong>(table, Code.Movq_xmm_xmmm64);
        LoadPart<Shuffles.DuplicateLow, Shuffles.DuplicateLow, ulong>(table, Code.Movddup_xmm_xmmm64);
        LoadPart<Shuffles.MergeLow<ulong>, Shuffles.MergeLow<ulong>, ulong>(table, Code.Movlps_xmm_m64);
        LoadPart<Shuffles.MergeLow<ulong>, Shuffles.MergeLow<ulong>, ulong>(table, Code.Movlpd_xmm_m64);
        LoadPart<Shuffles.LowToHigh, Shuffles.LowToHigh, ulong>(table, Code.Movhps_xmm_m64);
        LoadPart<Shuffles.LowToHigh, Shuffles.LowToHigh, ulong>(table, Code.Movhpd_xmm_m64);

        StorePart<Shuffles.MergeLow<uint>, Shuffles.Copy, uint>(table, Code.Movss_xmmm32_xmm);
        StorePart<Shuffles.MergeLow<ulong>, Shuffles.Copy, ulong>(table, Code.Movsd_xmmm64_xmm);
        StorePart<Shuffles.CopyLow, Shuffles.Copy, ulong>(table, Code.Movq_xmmm64_xmm);
        StorePart<Shuffles.Copy, Shuffles.Copy, ulong>(table, Code.Movlps_m64_xmm);
        StorePart<Shuffles.Copy, Shuffles.Copy, ulong>(table, Code.Movlpd_m64_xmm);
        StorePart<Shuffles.Copy, Composed.UpperHalf<Shuffles.Copy>, ulong>(table, Code.Movhps_m64_xmm);
        StorePart<Shuffles.Copy, Composed.UpperHalf<Shuffles.Copy>, ulong>(table, Code.Movhpd_m64_xmm);

        table.Add(Code.Movlhps_xmm_xmm, &VectorInstruction.Bind<Shuffles.LowToHigh, XmmRegister, XmmRegister>);
        table.Add(Code.Movhlps_xmm_xmm, &VectorInstruction.Bind<Shuffles.HighToLow, XmmRegister, XmmRegister>);
        table.Add(Code.Movq2dq_xmm_mm, &VectorInstruction.Bind<Shuffles.Copy, XmmRegister, MmxRegister>);
        table.Add(Code.Movdq2q_mm_xmm, &VectorInstruction.Bind<Shuffles.Copy, MmxRegister, XmmRegister>);
    }

    private static void RegisterGeneral(OpTable table)
    {
        FromGeneral<Shuffles.Copy, uint, uint>(table, Code.Movd_xmm_rm32);
        FromGeneral<Shuffles.Copy, ulong, ulong>(table, Code.Movq_xmm_rm64);
        FromGeneral<Elements.Insert<byte>, uint, byte>(table, Code.Pinsrb_xmm_r32m8_imm8);
        FromGeneral<Elements.Insert<byte>, ulong, byte>(table, Code.Pinsrb_xmm_r64m8_imm8);
        FromGeneral<Elements.Insert<ushort>, uint, ushort>(table, Code.Pinsrw_xmm_r32m16_imm8);
        FromGeneral<Elements.Insert<ushort>, ulong, ushort>(table, Code.Pinsrw_xmm_r64m16_imm8);
        FromGeneral<Elements.Insert<uint>, uint, uint>(table, Code.Pinsrd_xmm_rm32_imm8);
        FromGeneral<Elements.Insert<ulong>, ulong, ulong>(table, Code.Pinsrq_xmm_rm64_imm8);

        ToGeneral<Shuffles.Copy, uint, uint>(table, Code.Movd_rm32_xmm);
        ToGeneral<Shuffles.Copy, ulong, ulong>(table, Code.Movq_rm64_xmm);
        ToGeneral<Elements.Extract<byte>, uint, byte>(table, Code.Pextrb_r32m8_xmm_imm8);
        ToGeneral<Elements.Extract<byte>, ulong, byte>(table, Code.Pextrb_r64m8_xmm_imm8);
        ToGeneral<Elements.Extract<ushort>, uint, ushort>(table, Code.Pextrw_r32m16_xmm_imm8);
        ToGeneral<Elements.Extract<ushort>, ulong, ushort>(table, Code.Pextrw_r64m16_xmm_imm8);
        ToGeneral<Elements.Extract<uint>, uint, uint>(table, Code.Pextrd_rm32_xmm_imm8);
        ToGeneral<Elements.Extract<ulong>, ulong, ulong>(table, Code.Pextrq_rm64_xmm_imm8);
        ToGeneral<Elements.Extract<uint>, uint, uint>(table, Code.Extractps_rm32_xmm_imm8);
        ToGeneral<Elements.Extract<uint>, ulong, uint>(table, Code.Extractps_r64m32_xmm_imm8);
        ToGeneral<Elements.Extract<ushort>, uint, ushort>(table, Code.Pextrw_r32_xmm_imm8);
        ToGeneral<Elements.Extract<ushort>, ulong, ushort>(table, Code.Pextrw_r64_xmm_imm8);

        ToGeneral<Lanes.SignMask<byte>, uint, uint>(table, Code.Pmovmskb_r32_xmm);
        ToGeneral<Lanes.SignMask<byte>, ulong, uint>(table, Code.Pmovmskb_r64_xmm);
        ToGeneral<Lanes.SignMask<uint>, uint, uint>(table, Code.Movmskps_r32_xmm);
        ToGeneral<Lanes.SignMask<uint>, ulong, uint>(table, Code.Movmskps_r64_xmm);
        ToGeneral<Lanes.SignMask<ulong>, uint, uint>(table, Code.Movmskpd_r32_xmm);
        ToGeneral<Lanes.SignMask<ulong>, ulong, uint>(table, Code.Movmskpd_r64_xmm);

        // An integer store: it does not ask CR0.EM, CR0.TS or CR4.OSFXSR.
        table.Add(Code.Movnti_m32_r32, &VectorInstruction.Bind<Shuffles.Copy, MemoryOperand<Part<uint>, AnyAddress>, GeneralRegister<uint>>);
        table.Add(Code.Movnti_m64_r64, &VectorInstruction.Bind<Shuffles.Copy, MemoryOperand<Part<ulong>, AnyAddress>, GeneralRegister<ulong>>);
    }

    private static void Load<TFormat>(OpTable table, Code code)
        where TFormat : struct, IMemoryFormat =>
        table.Add(code, &VectorInstruction.BindHotLoad<Shuffles.Copy, Shuffles.Copy, XmmRegister, XmmRegister, TFormat>);

    private static void Store<TFormat>(OpTable table, Code code)
        where TFormat : struct, IMemoryFormat =>
        table.Add(code, &VectorInstruction.BindHotStore<Shuffles.Copy, Shuffles.Copy, XmmRegister, XmmRegister, TFormat>);

    private static void LoadPart<TOp, TMemoryOp, TPart>(OpTable table, Code code)
        where TOp : struct, IVectorOp
        where TMemoryOp : struct, IVectorOp
        where TPart : unmanaged =>
        table.Add(code, &VectorInstruction.BindHotLoad<TOp, TMemoryOp, XmmRegister, XmmRegister, Part<TPart>>);

    private static void StorePart<TOp, TMemoryOp, TPart>(OpTable table, Code code)
        where TOp : struct, IVectorOp
        where TMemoryOp : struct, IVectorOp
        where TPart : unmanaged =>
        table.Add(code, &VectorInstruction.BindHotStore<TOp, TMemoryOp, XmmRegister, XmmRegister, Part<TPart>>);

    private static void FromGeneral<TOp, TRegister, TPart>(OpTable table, Code code)
        where TOp : struct, IVectorOp
        where TRegister : unmanaged
        where TPart : unmanaged =>
        table.Add(code, &VectorInstruction.BindLoad<TOp, TOp, XmmRegister, GeneralRegister<TRegister>, Part<TPart>>);

    private static void ToGeneral<TOp, TRegister, TPart>(OpTable table, Code code)
        where TOp : struct, IVectorOp
        where TRegister : unmanaged
        where TPart : unmanaged =>
        table.Add(code, &VectorInstruction.BindStore<TOp, TOp, GeneralRegister<TRegister>, XmmRegister, Part<TPart>>);
}
