using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>Between the x87 registers of <see cref="CpuState"/> and an XSAVE area (SDM vol. 1, 10.5.1 and 13.4.1).</summary>
internal static unsafe class X87Transfer
{
    // SAFETY: the area lies behind the state, see StateMemory.
    private const int TopShift = 11;
    private const int TopMask = 7 << TopShift;
    private const int StatusWord = 2;
    private const int Tag = 4;
    private const int Registers = 32;
    private const int StateComponents = 512;

    /// <summary>Fills the area from the state.</summary>
    public static void Fill(CpuState* cpu)
    {
        byte* area = (byte*)cpu + StateMemory.X87Area;
        *(ushort*)area = cpu->Fcw;
        *(ushort*)(area + StatusWord) = (ushort)((cpu->Fsw & ~TopMask) | (cpu->FpuTop << TopShift));
        area[Tag] = cpu->FpuTag;
        for (int i = 0; i < 8; i++)
        {
            int physical = (cpu->FpuTop + i) & 7;
            ulong* register = (ulong*)(area + Registers + (i * 16));
            register[0] = cpu->X87[2 * physical];
            register[1] = (ushort)cpu->X87[(2 * physical) + 1];
        }

        *(ulong*)(area + StateComponents) = 1;
    }

    /// <summary>Takes the state from the area; the instruction and data pointers from where translated code notes them.</summary>
    public static void Take(CpuState* cpu)
    {
        const uint OffsetMask = 0xFFF;
        byte* area = (byte*)cpu + StateMemory.X87Area;
        cpu->Fcw = *(ushort*)area;
        ushort status = *(ushort*)(area + StatusWord);
        cpu->FpuTop = (byte)((status >> TopShift) & 7);
        cpu->Fsw = (ushort)(status & ~TopMask);
        cpu->FpuTag = area[Tag];
        for (int i = 0; i < 8; i++)
        {
            int physical = (cpu->FpuTop + i) & 7;
            ulong* register = (ulong*)(area + Registers + (i * 16));
            cpu->X87[2 * physical] = register[0];
            cpu->X87[(2 * physical) + 1] = (ushort)register[1];
        }

        if (cpu->X87Place == uint.MaxValue) return;
        cpu->Fip = cpu->X87Page + (cpu->X87Place & OffsetMask);
        cpu->Fop = (ushort)(cpu->X87Place >> 12);
        cpu->FpuCs = (ushort)cpu->Segments[Seg.Cs].Selector;
        if (cpu->X87Segment != 0) cpu->FpuDs = (ushort)cpu->Segments[(int)cpu->X87Segment - 1].Selector;
    }
}
