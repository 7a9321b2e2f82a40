using Iced.Intel;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Interpreter.Sse.Operations;
using Vitrine.Accelerators.Software.Interpreter.Sse.StateSave;

namespace Vitrine.Accelerators.Software.Interpreter.Sse;

/// <summary>
/// SSE to SSE4.2, AES-NI, PCLMULQDQ, FXSR and XSAVE, without floating-point arithmetic. Operations that MMX has too are
/// registered with it, in <see cref="Mmx.MmxOps"/>.
/// </summary>
internal static unsafe class SseOps
{
    // SAFETY: takes addresses of static methods only.

    /// <summary>Registers the instructions.</summary>
    public static void Register(OpTable table)
    {
        SseMoves.Register(table);
        RegisterLogic(table);
        RegisterIntegers(table);
        RegisterShuffles(table);
        RegisterExtensions(table);
        RegisterCrypto(table);
        VariableBlend.Register(table);
        VectorTest.Register(table);
        StringCompare.Register(table);
        MaskedMove.Register(table);
        Crc32.Register(table);
        CacheControl.Register(table);
        MxcsrAccess.Register(table);
        FxSave.Register(table);
        XSave.Register(table);
    }

    private static void RegisterLogic(OpTable table)
    {
        Add<Logic.And>(table, Code.Andps_xmm_xmmm128);
        Add<Logic.And>(table, Code.Andpd_xmm_xmmm128);
        Add<Logic.AndNot>(table, Code.Andnps_xmm_xmmm128);
        Add<Logic.AndNot>(table, Code.Andnpd_xmm_xmmm128);
        Add<Logic.Or>(table, Code.Orps_xmm_xmmm128);
        Add<Logic.Or>(table, Code.Orpd_xmm_xmmm128);
        Add<Logic.Xor>(table, Code.Xorps_xmm_xmmm128);
        Add<Logic.Xor>(table, Code.Xorpd_xmm_xmmm128);
    }

    private static void RegisterIntegers(OpTable table)
    {
        Add<Lanes.CompareEqual<ulong>>(table, Code.Pcmpeqq_xmm_xmmm128);
        Add<Lanes.CompareGreater<long>>(table, Code.Pcmpgtq_xmm_xmmm128);
        Add<Lanes.Min<sbyte>>(table, Code.Pminsb_xmm_xmmm128);
        Add<Lanes.Min<int>>(table, Code.Pminsd_xmm_xmmm128);
        Add<Lanes.Min<ushort>>(table, Code.Pminuw_xmm_xmmm128);
        Add<Lanes.Min<uint>>(table, Code.Pminud_xmm_xmmm128);
        Add<Lanes.Max<sbyte>>(table, Code.Pmaxsb_xmm_xmmm128);
        Add<Lanes.Max<int>>(table, Code.Pmaxsd_xmm_xmmm128);
        Add<Lanes.Max<ushort>>(table, Code.Pmaxuw_xmm_xmmm128);
        Add<Lanes.Max<uint>>(table, Code.Pmaxud_xmm_xmmm128);
        Add<Lanes.MultiplyLow<uint>>(table, Code.Pmulld_xmm_xmmm128);
        Add<Products.EvenSigned>(table, Code.Pmuldq_xmm_xmmm128);
        Add<Widths.PackUnsignedDwords>(table, Code.Packusdw_xmm_xmmm128);
        Add<Horizontal.LeastWord>(table, Code.Phminposuw_xmm_xmmm128);
        Add<Horizontal.SlidingSumOfDifferences>(table, Code.Mpsadbw_xmm_xmmm128_imm8);
        table.Add(Code.Pslldq_xmm_imm8, &VectorInstruction.Bind<Shifts.LeftBytes, XmmRegister, Immediate>);
        table.Add(Code.Psrldq_xmm_imm8, &VectorInstruction.Bind<Shifts.RightBytes, XmmRegister, Immediate>);
    }

    private static void RegisterShuffles(OpTable table)
    {
        Add<Widths.UnpackLow<ulong>>(table, Code.Punpcklqdq_xmm_xmmm128);
        Add<Widths.UnpackHigh<ulong>>(table, Code.Punpckhqdq_xmm_xmmm128);
        Add<Widths.UnpackLow<uint>>(table, Code.Unpcklps_xmm_xmmm128);
        Add<Widths.UnpackLow<ulong>>(table, Code.Unpcklpd_xmm_xmmm128);
        Add<Widths.UnpackHigh<uint>>(table, Code.Unpckhps_xmm_xmmm128);
        Add<Widths.UnpackHigh<ulong>>(table, Code.Unpckhpd_xmm_xmmm128);
        Add<Shuffles.DuplicateEven>(table, Code.Movsldup_xmm_xmmm128);
        Add<Shuffles.DuplicateOdd>(table, Code.Movshdup_xmm_xmmm128);
        Add<Shuffles.Dwords>(table, Code.Pshufd_xmm_xmmm128_imm8);
        Add<Shuffles.LowWords>(table, Code.Pshuflw_xmm_xmmm128_imm8);
        Add<Shuffles.HighWords>(table, Code.Pshufhw_xmm_xmmm128_imm8);
        Add<Shuffles.Singles>(table, Code.Shufps_xmm_xmmm128_imm8);
        Add<Shuffles.Doubles>(table, Code.Shufpd_xmm_xmmm128_imm8);
        Add<Elements.Blend<uint>>(table, Code.Blendps_xmm_xmmm128_imm8);
        Add<Elements.Blend<ulong>>(table, Code.Blendpd_xmm_xmmm128_imm8);
        Add<Elements.Blend<ushort>>(table, Code.Pblendw_xmm_xmmm128_imm8);
        table.Add(
            Code.Insertps_xmm_xmmm32_imm8,
            &VectorInstruction.BindLoad<Elements.InsertSingle, Elements.InsertSingleMemory, XmmRegister, XmmRegister, Part<uint>>);
    }

    private static void RegisterExtensions(OpTable table)
    {
        AddPart<Widths.SignedBytes, ulong>(table, Code.Pmovsxbw_xmm_xmmm64);
        AddPart<Composed.Then<Widths.SignedBytes, Widths.SignedWords>, uint>(table, Code.Pmovsxbd_xmm_xmmm32);
        AddPart<Composed.Then<Composed.Then<Widths.SignedBytes, Widths.SignedWords>, Widths.SignedDwords>, ushort>(table, Code.Pmovsxbq_xmm_xmmm16);
        AddPart<Widths.SignedWords, ulong>(table, Code.Pmovsxwd_xmm_xmmm64);
        AddPart<Composed.Then<Widths.SignedWords, Widths.SignedDwords>, uint>(table, Code.Pmovsxwq_xmm_xmmm32);
        AddPart<Widths.SignedDwords, ulong>(table, Code.Pmovsxdq_xmm_xmmm64);
        AddPart<Widths.UnsignedBytes, ulong>(table, Code.Pmovzxbw_xmm_xmmm64);
        AddPart<Composed.Then<Widths.UnsignedBytes, Widths.UnsignedWords>, uint>(table, Code.Pmovzxbd_xmm_xmmm32);
        AddPart<Composed.Then<Composed.Then<Widths.UnsignedBytes, Widths.UnsignedWords>, Widths.UnsignedDwords>, ushort>(table, Code.Pmovzxbq_xmm_xmmm16);
        AddPart<Widths.UnsignedWords, ulong>(table, Code.Pmovzxwd_xmm_xmmm64);
        AddPart<Composed.Then<Widths.UnsignedWords, Widths.UnsignedDwords>, uint>(table, Code.Pmovzxwq_xmm_xmmm32);
        AddPart<Widths.UnsignedDwords, ulong>(table, Code.Pmovzxdq_xmm_xmmm64);
    }

    private static void RegisterCrypto(OpTable table)
    {
        Add<Crypto.EncryptRound>(table, Code.Aesenc_xmm_xmmm128);
        Add<Crypto.EncryptLastRound>(table, Code.Aesenclast_xmm_xmmm128);
        Add<Crypto.DecryptRound>(table, Code.Aesdec_xmm_xmmm128);
        Add<Crypto.DecryptLastRound>(table, Code.Aesdeclast_xmm_xmmm128);
        Add<Crypto.InverseMixColumns>(table, Code.Aesimc_xmm_xmmm128);
        Add<Crypto.KeyGenerationAssist>(table, Code.Aeskeygenassist_xmm_xmmm128_imm8);
        Add<Crypto.CarrylessMultiply>(table, Code.Pclmulqdq_xmm_xmmm128_imm8);
    }

    private static void Add<TOp>(OpTable table, Code code)
        where TOp : struct, IVectorOp =>
        table.Add(code, &VectorInstruction.BindLoad<TOp, TOp, XmmRegister, XmmRegister, Aligned128>);

    private static void AddPart<TOp, TPart>(OpTable table, Code code)
        where TOp : struct, IVectorOp
        where TPart : unmanaged =>
        table.Add(code, &VectorInstruction.BindLoad<TOp, TOp, XmmRegister, XmmRegister, Part<TPart>>);
}
