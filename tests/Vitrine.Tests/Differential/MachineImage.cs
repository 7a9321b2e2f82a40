using System.Runtime.InteropServices;
using Vitrine.X86.State;

namespace Vitrine.Tests.Differential;

/// <summary>
/// Registers of user code: the words of Linux's <c>gregset_t</c> in its order (which the native program copies as they are),
/// then the 512 bytes of FXSAVE64, then the upper halves of YMM.
/// </summary>
// SAFETY: fixed buffers are indexed within their sizes; the struct has the size it says.
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal unsafe struct MachineImage
{
    public const int Size = 1024;
    public const int FxOffset = 256;
    public const int HighOffset = FxOffset + 512;
    public const int HighSize = 16 * 16;
    public const int RipWord = 16;
    public const int FlagsWord = 17;
    public const int SelectorsWord = 18;
    public const int ErrorWord = 19;
    public const int TrapWord = 20;
    public const int Cr2Word = 22;
    public const int MxcsrOffset = 24;
    public const int StOffset = 32;
    public const int XmmOffset = 160;

    [FieldOffset(0)]
    public fixed ulong Words[23];

    [FieldOffset(FxOffset)]
    public fixed byte Fx[512];

    [FieldOffset(HighOffset)]
    public fixed byte High[HighSize];

    public ulong Rip
    {
        readonly get => Words[RipWord];
        set => Words[RipWord] = value;
    }

    public ulong Rflags
    {
        readonly get => Words[FlagsWord];
        set => Words[FlagsWord] = value;
    }

    public readonly ushort CodeSelector => (ushort)Words[SelectorsWord];

    public readonly bool Is64 => CodeSelector == OracleLayout.Code64;

    public readonly ulong Vector => Words[TrapWord];

    public readonly ulong ErrorCode => Words[ErrorWord];

    public readonly ulong Cr2 => Words[Cr2Word];

    public ushort ControlWord
    {
        readonly get => Get<ushort>(0);
        set => Put(0, value);
    }

    public ushort StatusWord
    {
        readonly get => Get<ushort>(2);
        set => Put(2, value);
    }

    public byte Tag
    {
        readonly get => Fx[4];
        set => Fx[4] = value;
    }

    public uint Mxcsr
    {
        readonly get => Get<uint>(MxcsrOffset);
        set => Put(MxcsrOffset, value);
    }

    /// <summary>Place of a general register, by its number in instructions, among <see cref="Words"/>.</summary>
    public static int WordOf(int register) => register switch
    {
        >= 8 => register - 8,
        Gpr.Rdi => 8,
        Gpr.Rsi => 9,
        Gpr.Rbp => 10,
        Gpr.Rbx => 11,
        Gpr.Rdx => 12,
        Gpr.Rax => 13,
        Gpr.Rcx => 14,
        _ => 15,
    };

    public readonly ulong General(int register) => Words[WordOf(register)];

    public void SetGeneral(int register, ulong value) => Words[WordOf(register)] = value;

    public readonly UInt128 Xmm(int number) => new(Get<ulong>(XmmOffset + (16 * number) + 8), Get<ulong>(XmmOffset + (16 * number)));

    public void SetXmm(int number, UInt128 value)
    {
        Put(XmmOffset + (16 * number), (ulong)value);
        Put(XmmOffset + (16 * number) + 8, (ulong)(value >> 64));
    }

    public readonly UInt128 YmmHigh(int number)
    {
        fixed (byte* high = High) return *(UInt128*)(high + (16 * number));
    }

    public void SetYmmHigh(int number, UInt128 value)
    {
        fixed (byte* high = High) *(UInt128*)(high + (16 * number)) = value;
    }

    public readonly ulong Significand(int number) => Get<ulong>(StOffset + (16 * number));

    public readonly ushort SignExponent(int number) => Get<ushort>(StOffset + (16 * number) + 8);

    public void SetSt(int number, ulong significand, ushort signExponent)
    {
        Put(StOffset + (16 * number), significand);
        Put(StOffset + (16 * number) + 8, (ulong)signExponent);
    }

    private readonly T Get<T>(int offset)
        where T : unmanaged
    {
        fixed (byte* fx = Fx) return *(T*)(fx + offset);
    }

    private void Put<T>(int offset, T value)
        where T : unmanaged
    {
        fixed (byte* fx = Fx) *(T*)(fx + offset) = value;
    }
}
