using Iced.Intel;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Interpreter.Sse;
using Vitrine.Accelerators.Software.Interpreter.Sse.Operations;

namespace Vitrine.Accelerators.Software.Interpreter.Mmx;

/// <summary>MMX and its later additions, with the XMM forms of the same instructions.</summary>
internal static unsafe class MmxOps
{
    // SAFETY: takes addresses of static methods only.

    /// <summary>Registers the instructions.</summary>
    public static void Register(OpTable table)
    {
        RegisterArithmetic(table);
        RegisterLogic(table);
        RegisterShifts(table);
        RegisterRearrangement(table);
        RegisterMoves(table);
        EmptyState.Register(table);
    }

    private static void RegisterArithmetic(OpTable table)
    {
        Both<Lanes.Add<byte>>(table, Code.Paddb_mm_mmm64, Code.Paddb_xmm_xmmm128);
        Both<Lanes.Add<ushort>>(table, Code.Paddw_mm_mmm64, Code.Paddw_xmm_xmmm128);
        Both<Lanes.Add<uint>>(table, Code.Paddd_mm_mmm64, Code.Paddd_xmm_xmmm128);
        Both<Lanes.Add<ulong>>(table, Code.Paddq_mm_mmm64, Code.Paddq_xmm_xmmm128);
        Both<Lanes.Subtract<byte>>(table, Code.Psubb_mm_mmm64, Code.Psubb_xmm_xmmm128);
        Both<Lanes.Subtract<ushort>>(table, Code.Psubw_mm_mmm64, Code.Psubw_xmm_xmmm128);
        Both<Lanes.Subtract<uint>>(table, Code.Psubd_mm_mmm64, Code.Psubd_xmm_xmmm128);
        Both<Lanes.Subtract<ulong>>(table, Code.Psubq_mm_mmm64, Code.Psubq_xmm_xmmm128);
        Both<Lanes.AddSaturate<sbyte>>(table, Code.Paddsb_mm_mmm64, Code.Paddsb_xmm_xmmm128);
        Both<Lanes.AddSaturate<short>>(table, Code.Paddsw_mm_mmm64, Code.Paddsw_xmm_xmmm128);
        Both<Lanes.AddSaturate<byte>>(table, Code.Paddusb_mm_mmm64, Code.Paddusb_xmm_xmmm128);
        Both<Lanes.AddSaturate<ushort>>(table, Code.Paddusw_mm_mmm64, Code.Paddusw_xmm_xmmm128);
        Both<Lanes.SubtractSaturate<sbyte>>(table, Code.Psubsb_mm_mmm64, Code.Psubsb_xmm_xmmm128);
        Both<Lanes.SubtractSaturate<short>>(table, Code.Psubsw_mm_mmm64, Code.Psubsw_xmm_xmmm128);
        Both<Lanes.SubtractSaturate<byte>>(table, Code.Psubusb_mm_mmm64, Code.Psubusb_xmm_xmmm128);
        Both<Lanes.SubtractSaturate<ushort>>(table, Code.Psubusw_mm_mmm64, Code.Psubusw_xmm_xmmm128);
        Both<Lanes.Average<byte>>(table, Code.Pavgb_mm_mmm64, Code.Pavgb_xmm_xmmm128);
        Both<Lanes.Average<ushort>>(table, Code.Pavgw_mm_mmm64, Code.Pavgw_xmm_xmmm128);
        Both<Lanes.Min<byte>>(table, Code.Pminub_mm_mmm64, Code.Pminub_xmm_xmmm128);
        Both<Lanes.Min<short>>(table, Code.Pminsw_mm_mmm64, Code.Pminsw_xmm_xmmm128);
        Both<Lanes.Max<byte>>(table, Code.Pmaxub_mm_mmm64, Code.Pmaxub_xmm_xmmm128);
        Both<Lanes.Max<short>>(table, Code.Pmaxsw_mm_mmm64, Code.Pmaxsw_xmm_xmmm128);
        Both<Lanes.Abs<sbyte>>(table, Code.Pabsb_mm_mmm64, Code.Pabsb_xmm_xmmm128);
        Both<Lanes.Abs<short>>(table, Code.Pabsw_mm_mmm64, Code.Pabsw_xmm_xmmm128);
        Both<Lanes.Abs<int>>(table, Code.Pabsd_mm_mmm64, Code.Pabsd_xmm_xmmm128);
        Both<Lanes.Sign<sbyte>>(table, Code.Psignb_mm_mmm64, Code.Psignb_xmm_xmmm128);
        Both<Lanes.Sign<short>>(table, Code.Psignw_mm_mmm64, Code.Psignw_xmm_xmmm128);
        Both<Lanes.Sign<int>>(table, Code.Psignd_mm_mmm64, Code.Psignd_xmm_xmmm128);
        Both<Lanes.MultiplyLow<ushort>>(table, Code.Pmullw_mm_mmm64, Code.Pmullw_xmm_xmmm128);
        Both<Products.HighSigned>(table, Code.Pmulhw_mm_mmm64, Code.Pmulhw_xmm_xmmm128);
        Both<Products.HighUnsigned>(table, Code.Pmulhuw_mm_mmm64, Code.Pmulhuw_xmm_xmmm128);
        Both<Products.HighRounded>(table, Code.Pmulhrsw_mm_mmm64, Code.Pmulhrsw_xmm_xmmm128);
        Both<Products.EvenUnsigned>(table, Code.Pmuludq_mm_mmm64, Code.Pmuludq_xmm_xmmm128);
        Both<Products.AddPairsWords>(table, Code.Pmaddwd_mm_mmm64, Code.Pmaddwd_xmm_xmmm128);
        Both<Products.AddPairsBytes>(table, Code.Pmaddubsw_mm_mmm64, Code.Pmaddubsw_xmm_xmmm128);
        Both<Horizontal.SumOfDifferences>(table, Code.Psadbw_mm_mmm64, Code.Psadbw_xmm_xmmm128);
    }

    private static void RegisterLogic(OpTable table)
    {
        BothHot<Logic.And>(table, Code.Pand_mm_mmm64, Code.Pand_xmm_xmmm128);
        BothHot<Logic.AndNot>(table, Code.Pandn_mm_mmm64, Code.Pandn_xmm_xmmm128);
        BothHot<Logic.Or>(table, Code.Por_mm_mmm64, Code.Por_xmm_xmmm128);
        BothHot<Logic.Xor>(table, Code.Pxor_mm_mmm64, Code.Pxor_xmm_xmmm128);
        BothHot<Lanes.CompareEqual<byte>>(table, Code.Pcmpeqb_mm_mmm64, Code.Pcmpeqb_xmm_xmmm128);
        Both<Lanes.CompareEqual<ushort>>(table, Code.Pcmpeqw_mm_mmm64, Code.Pcmpeqw_xmm_xmmm128);
        Both<Lanes.CompareEqual<uint>>(table, Code.Pcmpeqd_mm_mmm64, Code.Pcmpeqd_xmm_xmmm128);
        Both<Lanes.CompareGreater<sbyte>>(table, Code.Pcmpgtb_mm_mmm64, Code.Pcmpgtb_xmm_xmmm128);
        Both<Lanes.CompareGreater<short>>(table, Code.Pcmpgtw_mm_mmm64, Code.Pcmpgtw_xmm_xmmm128);
        Both<Lanes.CompareGreater<int>>(table, Code.Pcmpgtd_mm_mmm64, Code.Pcmpgtd_xmm_xmmm128);
    }

    private static void RegisterShifts(OpTable table)
    {
        Both<Shifts.Left<ushort>>(table, Code.Psllw_mm_mmm64, Code.Psllw_xmm_xmmm128);
        Both<Shifts.Left<uint>>(table, Code.Pslld_mm_mmm64, Code.Pslld_xmm_xmmm128);
        Both<Shifts.Left<ulong>>(table, Code.Psllq_mm_mmm64, Code.Psllq_xmm_xmmm128);
        Both<Shifts.RightLogical<ushort>>(table, Code.Psrlw_mm_mmm64, Code.Psrlw_xmm_xmmm128);
        Both<Shifts.RightLogical<uint>>(table, Code.Psrld_mm_mmm64, Code.Psrld_xmm_xmmm128);
        Both<Shifts.RightLogical<ulong>>(table, Code.Psrlq_mm_mmm64, Code.Psrlq_xmm_xmmm128);
        Both<Shifts.RightArithmetic<short>>(table, Code.Psraw_mm_mmm64, Code.Psraw_xmm_xmmm128);
        Both<Shifts.RightArithmetic<int>>(table, Code.Psrad_mm_mmm64, Code.Psrad_xmm_xmmm128);

        ByImmediate<Shifts.Left<ushort>>(table, Code.Psllw_mm_imm8, Code.Psllw_xmm_imm8);
        ByImmediate<Shifts.Left<uint>>(table, Code.Pslld_mm_imm8, Code.Pslld_xmm_imm8);
        ByImmediate<Shifts.Left<ulong>>(table, Code.Psllq_mm_imm8, Code.Psllq_xmm_imm8);
        ByImmediate<Shifts.RightLogical<ushort>>(table, Code.Psrlw_mm_imm8, Code.Psrlw_xmm_imm8);
        ByImmediate<Shifts.RightLogical<uint>>(table, Code.Psrld_mm_imm8, Code.Psrld_xmm_imm8);
        ByImmediate<Shifts.RightLogical<ulong>>(table, Code.Psrlq_mm_imm8, Code.Psrlq_xmm_imm8);
        ByImmediate<Shifts.RightArithmetic<short>>(table, Code.Psraw_mm_imm8, Code.Psraw_xmm_imm8);
        ByImmediate<Shifts.RightArithmetic<int>>(table, Code.Psrad_mm_imm8, Code.Psrad_xmm_imm8);
    }

    private static void RegisterRearrangement(OpTable table)
    {
        Each<Composed.Joined<Widths.PackSignedWords>, Widths.PackSignedWords>(table, Code.Packsswb_mm_mmm64, Code.Packsswb_xmm_xmmm128);
        Each<Composed.Joined<Widths.PackSignedDwords>, Widths.PackSignedDwords>(table, Code.Packssdw_mm_mmm64, Code.Packssdw_xmm_xmmm128);
        Each<Composed.Joined<Widths.PackUnsignedWords>, Widths.PackUnsignedWords>(table, Code.Packuswb_mm_mmm64, Code.Packuswb_xmm_xmmm128);
        Each<Composed.Joined<Horizontal.AddWords>, Horizontal.AddWords>(table, Code.Phaddw_mm_mmm64, Code.Phaddw_xmm_xmmm128);
        Each<Composed.Joined<Horizontal.AddDwords>, Horizontal.AddDwords>(table, Code.Phaddd_mm_mmm64, Code.Phaddd_xmm_xmmm128);
        Each<Composed.Joined<Horizontal.AddSaturate>, Horizontal.AddSaturate>(table, Code.Phaddsw_mm_mmm64, Code.Phaddsw_xmm_xmmm128);
        Each<Composed.Joined<Horizontal.SubtractWords>, Horizontal.SubtractWords>(table, Code.Phsubw_mm_mmm64, Code.Phsubw_xmm_xmmm128);
        Each<Composed.Joined<Horizontal.SubtractDwords>, Horizontal.SubtractDwords>(table, Code.Phsubd_mm_mmm64, Code.Phsubd_xmm_xmmm128);
        Each<Composed.Joined<Horizontal.SubtractSaturate>, Horizontal.SubtractSaturate>(table, Code.Phsubsw_mm_mmm64, Code.Phsubsw_xmm_xmmm128);
        Each<Composed.UpperHalf<Widths.UnpackLow<byte>>, Widths.UnpackHigh<byte>>(table, Code.Punpckhbw_mm_mmm64, Code.Punpckhbw_xmm_xmmm128);
        Each<Composed.UpperHalf<Widths.UnpackLow<ushort>>, Widths.UnpackHigh<ushort>>(table, Code.Punpckhwd_mm_mmm64, Code.Punpckhwd_xmm_xmmm128);
        Each<Composed.UpperHalf<Widths.UnpackLow<uint>>, Widths.UnpackHigh<uint>>(table, Code.Punpckhdq_mm_mmm64, Code.Punpckhdq_xmm_xmmm128);
        Each<Shuffles.BytesMmx, Shuffles.Bytes>(table, Code.Pshufb_mm_mmm64, Code.Pshufb_xmm_xmmm128);
        Each<Shuffles.AlignRightMmx, Shuffles.AlignRight>(table, Code.Palignr_mm_mmm64_imm8, Code.Palignr_xmm_xmmm128_imm8);
        UnpackLow<byte>(table, Code.Punpcklbw_mm_mmm32, Code.Punpcklbw_xmm_xmmm128);
        UnpackLow<ushort>(table, Code.Punpcklwd_mm_mmm32, Code.Punpcklwd_xmm_xmmm128);
        UnpackLow<uint>(table, Code.Punpckldq_mm_mmm32, Code.Punpckldq_xmm_xmmm128);
    }

    private static void RegisterMoves(OpTable table)
    {
        FromGeneral<Shuffles.Copy, uint, uint>(table, Code.Movd_mm_rm32);
        FromGeneral<Shuffles.Copy, ulong, ulong>(table, Code.Movq_mm_rm64);
        FromGeneral<Elements.InsertMmx, uint, ushort>(table, Code.Pinsrw_mm_r32m16_imm8);
        FromGeneral<Elements.InsertMmx, ulong, ushort>(table, Code.Pinsrw_mm_r64m16_imm8);
        ToGeneral<Shuffles.Copy, uint>(table, Code.Movd_rm32_mm);
        ToGeneral<Shuffles.Copy, ulong>(table, Code.Movq_rm64_mm);
        ToGeneral<Elements.ExtractMmx, uint>(table, Code.Pextrw_r32_mm_imm8);
        ToGeneral<Elements.ExtractMmx, uint>(table, Code.Pextrw_r64_mm_imm8);
        ToGeneral<Lanes.SignMask<byte>, uint>(table, Code.Pmovmskb_r32_mm);
        ToGeneral<Lanes.SignMask<byte>, uint>(table, Code.Pmovmskb_r64_mm);
        table.Add(Code.Movq_mm_mmm64, &VectorInstruction.BindLoad<Shuffles.Copy, Shuffles.Copy, MmxRegister, MmxRegister, Part<ulong>>);
        table.Add(Code.Movq_mmm64_mm, &VectorInstruction.BindStore<Shuffles.Copy, Shuffles.Copy, MmxRegister, MmxRegister, Part<ulong>>);
        table.Add(Code.Movntq_m64_mm, &VectorInstruction.Bind<Shuffles.Copy, MemoryOperand<Part<ulong>, AnyAddress>, MmxRegister>);
        table.Add(Code.Pshufw_mm_mmm64_imm8, &VectorInstruction.BindLoad<Shuffles.LowWords, Shuffles.LowWords, MmxRegister, MmxRegister, Part<ulong>>);
    }

    private static void Each<TMmxOp, TSseOp>(OpTable table, Code mmx, Code sse)
        where TMmxOp : struct, IVectorOp
        where TSseOp : struct, IVectorOp
    {
        table.Add(mmx, &VectorInstruction.BindLoad<TMmxOp, TMmxOp, MmxRegister, MmxRegister, Part<ulong>>);
        table.Add(sse, &VectorInstruction.BindLoad<TSseOp, TSseOp, XmmRegister, XmmRegister, Aligned128>);
    }

    private static void Both<TOp>(OpTable table, Code mmx, Code sse)
        where TOp : struct, IVectorOp => Each<TOp, TOp>(table, mmx, sse);

    private static void BothHot<TOp>(OpTable table, Code mmx, Code sse)
        where TOp : struct, IVectorOp
    {
        table.Add(mmx, &VectorInstruction.BindLoad<TOp, TOp, MmxRegister, MmxRegister, Part<ulong>>);
        table.Add(sse, &VectorInstruction.BindHotLoad<TOp, TOp, XmmRegister, XmmRegister, Aligned128>);
    }

    private static void ByImmediate<TOp>(OpTable table, Code mmx, Code sse)
        where TOp : struct, IVectorOp
    {
        table.Add(mmx, &VectorInstruction.Bind<TOp, MmxRegister, Immediate>);
        table.Add(sse, &VectorInstruction.Bind<TOp, XmmRegister, Immediate>);
    }

    /// <summary>The MMX forms read only 32 bits of memory.</summary>
    private static void UnpackLow<T>(OpTable table, Code mmx, Code sse)
        where T : unmanaged
    {
        table.Add(mmx, &VectorInstruction.BindLoad<Widths.UnpackLow<T>, Widths.UnpackLow<T>, MmxRegister, MmxRegister, Part<uint>>);
        table.Add(sse, &VectorInstruction.BindLoad<Widths.UnpackLow<T>, Widths.UnpackLow<T>, XmmRegister, XmmRegister, Aligned128>);
    }

    private static void FromGeneral<TOp, TRegister, TPart>(OpTable table, Code code)
        where TOp : struct, IVectorOp
        where TRegister : unmanaged
        where TPart : unmanaged =>
        table.Add(code, &VectorInstruction.BindLoad<TOp, TOp, MmxRegister, GeneralRegister<TRegister>, Part<TPart>>);

    private static void ToGeneral<TOp, T>(OpTable table, Code code)
        where TOp : struct, IVectorOp
        where T : unmanaged =>
        table.Add(code, &VectorInstruction.BindStore<TOp, TOp, GeneralRegister<T>, MmxRegister, Part<T>>);
}
