using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Tests.X86.VmEntry;

/// <summary>Processor states that hardware enters, one for each mode.</summary>
internal static class EntryStates
{
    public const ulong Rsp = 0x8000;

    /// <summary>64-bit code at level 0 as Linux is entered: its own page tables, TR a busy TSS, no LDT.</summary>
    public static ProcessorState Long()
    {
        ProcessorState state = Flat(0x10, 0xA09B, 0x18, 0xC093);
        state.Cr0 = Cr0.PE | Cr0.PG | Cr0.ET | Cr0.NE | Cr0.WP | Cr0.AM;
        state.Cr3 = 0x10_0000;
        state.Cr4 = Cr4.PAE;
        state.Efer = Efer.LME | Efer.LMA | Efer.SCE | Efer.NXE;
        state.Rip = 0xFFFF_FFFF_8100_0000;
        state.Gdtr = new DescriptorTable(0xFFFF_FFFF_8200_0000, 0x7F);
        return state;
    }

    /// <summary>64-bit code at level 3.</summary>
    public static ProcessorState User()
    {
        ProcessorState state = Long();
        for (int i = Seg.Es; i <= Seg.Gs; i++)
        {
            state.Segments[i].Selector |= 3;
            state.Segments[i].Access |= 0x60;
        }

        state.Rip = 0x40_0000;
        return state;
    }

    /// <summary>32-bit protected mode without paging, as Multiboot and PVH enter.</summary>
    public static ProcessorState Protected()
    {
        ProcessorState state = Flat(0x08, 0xC09B, 0x10, 0xC093);
        state.Cr0 = Cr0.PE | Cr0.ET;
        state.Rip = 0x10_0000;
        return state;
    }

    /// <summary>32-bit protected mode with PAE paging.</summary>
    public static ProcessorState Pae()
    {
        ProcessorState state = Protected();
        state.Cr0 |= Cr0.PG;
        state.Cr4 = Cr4.PAE;
        state.Cr3 = 0x2000;
        state.Pdptes[0] = 0x3001;
        return state;
    }

    /// <summary>Real mode at 1000:0.</summary>
    public static ProcessorState Real()
    {
        ProcessorState state = ResetState.Create(0, 0x663);
        state.Segments[Seg.Cs] = new SegmentRegister(0x1000, 0x1_0000, 0xFFFF, 0x9B);
        state.Rip = 0;
        return state;
    }

    /// <summary>A virtual-8086 task in protected mode with paging.</summary>
    public static ProcessorState Virtual8086()
    {
        ProcessorState state = Protected();
        state.Cr0 |= Cr0.PG;
        state.Cr3 = 0x2000;
        state.Rflags |= Rflags.VM | Rflags.IF;
        for (int i = Seg.Es; i <= Seg.Gs; i++) state.Segments[i] = new SegmentRegister((ushort)(0x1000 + i), (ulong)(0x1000 + i) << 4, 0xFFFF, 0xF3);
        state.Rip = 0x100;
        return state;
    }

    private static ProcessorState Flat(ushort code, uint codeAccess, ushort data, uint dataAccess)
    {
        ProcessorState state = ResetState.Create(0, 0x663);
        for (int i = Seg.Es; i <= Seg.Gs; i++)
            state.Segments[i] = i == Seg.Cs ? new SegmentRegister(code, 0, uint.MaxValue, codeAccess) : new SegmentRegister(data, 0, uint.MaxValue, dataAccess);
        state.Segments[Seg.Tr] = new SegmentRegister(0x40, 0x5000, 0x67, 0x8B);
        state.Segments[Seg.Ldtr] = new SegmentRegister(0, 0, 0, SegmentRegister.UnusableBit);
        state.Gpr[Gpr.Rsp] = Rsp;
        return state;
    }
}
