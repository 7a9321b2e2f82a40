using System.Runtime.InteropServices;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.State;

namespace Vitrine.Tests.Differential;

/// <summary>
/// Registers of user code: the words of Linux's <c>gregset_t</c> in its order (which the native program copies as they are), the selectors that
/// it leaves out, then the 512 bytes of FXSAVE64, then the upper halves of YMM.
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

    /// <summary>DS, ES, FS and GS, from the lowest bits on.</summary>
    public const int DataSelectorsWord = 23;

    /// <summary>In place of a vector: the case was ended, as a loop without end.</summary>
    public const int NeverEnds = 255;

    public const int MxcsrOffset = 24;
    public const int StOffset = 32;
    public const int XmmOffset = 160;

    [FieldOffset(0)]
    public fixed ulong Words[24];

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

    public ushort CodeSelector
    {
        readonly get => (ushort)Words[SelectorsWord];
        set => Words[SelectorsWord] = (Words[SelectorsWord] & ~0xFFFFUL) | value;
    }

    public ushort StackSelector
    {
        readonly get => (ushort)(Words[SelectorsWord] >> 48);
        set => Words[SelectorsWord] = (Words[SelectorsWord] & 0xFFFF_FFFF_FFFF) | ((ulong)value << 48);
    }

    public readonly bool Is64 => CodeSelector == OracleLayout.Code64;

    /// <summary>Size of the code: 16, 32 or 64 bits.</summary>
    public readonly int Bitness => Is64 ? 64 : LocalSegments.IsSmallCode(CodeSelector) ? 16 : 32;

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

    /// <summary>The selector of ES, CS, SS, DS, FS or GS, by its number in <see cref="Seg"/>.</summary>
    public readonly ushort Selector(int segment) => segment switch
    {
        Seg.Cs => CodeSelector,
        Seg.Ss => StackSelector,
        _ => (ushort)(Words[DataSelectorsWord] >> ShiftOf(segment)),
    };

    /// <summary>A register as part of an address: a general one in its size, or the base of a segment.</summary>
    public readonly ulong Value(Register register)
    {
        if (!register.IsSegmentRegister())
        {
            ulong value = General(register.GetFullRegister() - Register.RAX);
            return register.GetSize() switch { 2 => (ushort)value, 4 => (uint)value, _ => value };
        }

        int segment = register - Register.ES;
        return !Is64 ? LocalSegments.BaseOf(Selector(segment)) : segment == Seg.Fs ? OracleLayout.FsBase : segment == Seg.Gs ? OracleLayout.GsBase : 0;
    }

    /// <summary>Sets the selector of DS, ES, FS or GS.</summary>
    public void SetDataSelector(int segment, ushort selector)
    {
        int shift = ShiftOf(segment);
        Words[DataSelectorsWord] = (Words[DataSelectorsWord] & ~(0xFFFFUL << shift)) | ((ulong)selector << shift);
    }

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

    /// <summary>Puts the floating-point and vector registers into a software CPU.</summary>
    public readonly void LoadFloatingPoint(CpuState* cpu)
    {
        cpu->Mxcsr = Mxcsr;
        cpu->Fcw = ControlWord;
        cpu->Fsw = (ushort)(StatusWord & ~0x3800);
        cpu->FpuTop = (byte)(StatusWord >> 11 & 7);
        cpu->FpuTag = Tag;
        for (int i = 0; i < 8; i++)
        {
            int physical = (cpu->FpuTop + i) & 7;
            cpu->X87[2 * physical] = Significand(i);
            cpu->X87[(2 * physical) + 1] = SignExponent(i);
        }

        for (int i = 0; i < 16; i++)
        {
            *(UInt128*)((byte*)cpu + CpuState.XmmOffset(i)) = Xmm(i);
            *(UInt128*)((byte*)cpu + CpuState.XmmOffset(i) + 16) = YmmHigh(i);
        }
    }

    /// <summary>Takes them from a software CPU.</summary>
    public void SaveFloatingPoint(CpuState* cpu)
    {
        Mxcsr = cpu->Mxcsr;
        ControlWord = cpu->Fcw;
        StatusWord = (ushort)(cpu->Fsw | (cpu->FpuTop << 11));
        Tag = cpu->FpuTag;
        for (int i = 0; i < 8; i++)
        {
            int physical = (cpu->FpuTop + i) & 7;
            SetSt(i, cpu->X87[2 * physical], (ushort)cpu->X87[(2 * physical) + 1]);
        }

        for (int i = 0; i < 16; i++)
        {
            SetXmm(i, *(UInt128*)((byte*)cpu + CpuState.XmmOffset(i)));
            SetYmmHigh(i, *(UInt128*)((byte*)cpu + CpuState.XmmOffset(i) + 16));
        }
    }

    private static int ShiftOf(int segment) => segment switch
    {
        Seg.Ds => 0,
        Seg.Es => 16,
        Seg.Fs => 32,
        _ => 48,
    };

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
