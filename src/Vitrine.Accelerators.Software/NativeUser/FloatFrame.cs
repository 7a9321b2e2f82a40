using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.Cpuid;

namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>The floating-point state of a signal frame: an XSAVE area in the standard form (SDM vol. 1, 13.4), with Linux's words in its reserved bytes.</summary>
internal static unsafe class FloatFrame
{
    // SAFETY: areas are StubProcess.FloatArea, with Bytes behind them.

    /// <summary>Bytes of the part that is used here: x87, SSE and AVX.</summary>
    public const int Bytes = (int)(XsaveLayout.AvxOffset + XsaveLayout.AvxSize);

    /// <summary>Offset of Linux's words.</summary>
    public const int SoftwareWords = 464;

    /// <summary>Bytes of them.</summary>
    public const int SoftwareBytes = 48;

    private const int Magic = SoftwareWords;
    private const int Features = 472;
    private const uint Magic1 = 0x4650_5853;
    private const int StatusWord = 2;
    private const int Tag = 4;
    private const int Opcode = 6;
    private const int InstructionPointer = 8;
    private const int DataPointer = 16;
    private const int ControlStatus = 24;
    private const int X87Registers = 32;
    private const int XmmRegisters = 160;
    private const int Header = 512;
    private const int TopShift = 11;
    private const int TopMask = 7 << TopShift;
    private const uint MxcsrMask = 0xFFFF;
    private const ulong Components = XsaveLayout.X87 | XsaveLayout.Sse | XsaveLayout.Avx;

    /// <summary>The area has the components that are used here, where they are expected.</summary>
    public static bool IsUsual(byte* area) => *(uint*)(area + Magic) == Magic1 && (*(ulong*)(area + Features) & Components) == Components;

    /// <summary>Puts the state's registers into the area. Components that the guest doesn't have are as after a reset.</summary>
    /// <param name="area">The area.</param>
    /// <param name="cpu">The state.</param>
    /// <param name="avx">The guest has AVX. Where it hasn't, nobody keeps the upper halves of one program from another.</param>
    public static void Load(byte* area, CpuState* cpu, bool avx)
    {
        *(ushort*)area = cpu->Fcw;
        *(ushort*)(area + StatusWord) = (ushort)((cpu->Fsw & ~TopMask) | (cpu->FpuTop << TopShift));
        area[Tag] = cpu->FpuTag;
        *(ushort*)(area + Opcode) = cpu->Fop;
        *(ulong*)(area + InstructionPointer) = cpu->Fip;
        *(ulong*)(area + DataPointer) = cpu->Fdp;
        *(uint*)(area + ControlStatus) = cpu->Mxcsr & MxcsrMask;
        for (int i = 0; i < 8; i++)
        {
            int physical = (cpu->FpuTop + i) & 7;
            ulong* register = (ulong*)(area + X87Registers + (i * 16));
            register[0] = cpu->X87[2 * physical];
            register[1] = (ushort)cpu->X87[(2 * physical) + 1];
        }

        Move((ulong*)(area + XmmRegisters), (ulong*)(area + XsaveLayout.AvxOffset), cpu, save: false);
        *(ulong*)(area + Header) = avx ? Components : Components & ~(ulong)XsaveLayout.Avx;
    }

    /// <summary>Takes the area's registers into the state.</summary>
    /// <param name="area">The area.</param>
    /// <param name="cpu">The state.</param>
    /// <param name="avx">The guest has AVX.</param>
    public static void Save(byte* area, CpuState* cpu, bool avx)
    {
        // A component that is missing is as after a reset, and its bytes in the area mean nothing; MXCSR has a value all the same.
        ulong present = *(ulong*)(area + Header);
        cpu->Mxcsr = *(uint*)(area + ControlStatus) & MxcsrMask;
        if ((present & XsaveLayout.Sse) == 0) new Span<byte>(area + XmmRegisters, 16 * 16).Clear();
        if (!avx || (present & XsaveLayout.Avx) == 0) new Span<byte>(area + XsaveLayout.AvxOffset, (int)XsaveLayout.AvxSize).Clear();
        Move((ulong*)(area + XmmRegisters), (ulong*)(area + XsaveLayout.AvxOffset), cpu, save: true);
        if ((present & XsaveLayout.X87) == 0)
        {
            const ushort ControlAfterReset = 0x37F;
            new Span<byte>(area, ControlStatus).Clear();
            new Span<byte>(area + X87Registers, 8 * 16).Clear();
            *(ushort*)area = ControlAfterReset;
        }

        cpu->Fcw = *(ushort*)area;
        ushort status = *(ushort*)(area + StatusWord);
        cpu->FpuTop = (byte)((status >> TopShift) & 7);
        cpu->Fsw = (ushort)(status & ~TopMask);
        cpu->FpuTag = area[Tag];
        cpu->Fop = *(ushort*)(area + Opcode);
        cpu->Fip = *(ulong*)(area + InstructionPointer);
        cpu->Fdp = *(ulong*)(area + DataPointer);
        for (int i = 0; i < 8; i++)
        {
            int physical = (cpu->FpuTop + i) & 7;
            ulong* register = (ulong*)(area + X87Registers + (i * 16));
            cpu->X87[2 * physical] = register[0];
            cpu->X87[(2 * physical) + 1] = (ushort)register[1];
        }
    }

    private static void Move(ulong* lower, ulong* upper, CpuState* cpu, bool save)
    {
        for (int i = 0; i < 16; i++)
        {
            ulong* register = cpu->Xmm + (4 * i);
            for (int half = 0; half < 2; half++)
            {
                if (save)
                {
                    register[half] = lower[(2 * i) + half];
                    register[2 + half] = upper[(2 * i) + half];
                }
                else
                {
                    lower[(2 * i) + half] = register[half];
                    upper[(2 * i) + half] = register[2 + half];
                }
            }
        }
    }
}
