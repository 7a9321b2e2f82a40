namespace Vitrine.X86.State;

/// <summary>
/// The whole architectural state of one vCPU, as user space sees it: what is read from an accelerator
/// and written to it. It is not what any accelerator runs on.
/// </summary>
public sealed class ProcessorState
{
    /// <summary>RAX to R15 in encoding order, see <see cref="State.Gpr"/>.</summary>
    public ulong[] Gpr { get; init; } = new ulong[State.Gpr.Count];

    /// <summary>Instruction pointer: an offset in CS.</summary>
    public ulong Rip { get; set; }

    /// <summary>RFLAGS; bit 1 is always set.</summary>
    public ulong Rflags { get; set; } = 2;

    /// <summary>ES CS SS DS FS GS TR LDTR, see <see cref="Seg"/>.</summary>
    public SegmentRegister[] Segments { get; init; } = new SegmentRegister[Seg.Count];

    /// <summary>Global descriptor table register.</summary>
    public DescriptorTable Gdtr { get; set; }

    /// <summary>Interrupt descriptor table register.</summary>
    public DescriptorTable Idtr { get; set; }

    /// <summary>CR0.</summary>
    public ulong Cr0 { get; set; }

    /// <summary>CR2: linear address of the last page fault.</summary>
    public ulong Cr2 { get; set; }

    /// <summary>CR3.</summary>
    public ulong Cr3 { get; set; }

    /// <summary>CR4.</summary>
    public ulong Cr4 { get; set; }

    /// <summary>CR8: task priority, bits 7:4 of the local APIC's TPR.</summary>
    public ulong Cr8 { get; set; }

    /// <summary>IA32_EFER.</summary>
    public ulong Efer { get; set; }

    /// <summary>IA32_APIC_BASE.</summary>
    public ulong ApicBase { get; set; }

    /// <summary>XCR0.</summary>
    public ulong Xcr0 { get; set; } = 1;

    /// <summary>PKRU: what the protection keys of user pages forbid.</summary>
    public uint Pkru { get; set; }

    /// <summary>DR0 to DR3.</summary>
    public ulong[] DebugAddress { get; init; } = new ulong[4];

    /// <summary>DR6.</summary>
    public ulong Dr6 { get; set; } = 0xFFFF0FF0;

    /// <summary>DR7.</summary>
    public ulong Dr7 { get; set; } = 0x400;

    /// <summary>x87, MMX and SSE state.</summary>
    public FpuState Fpu { get; init; } = new();

    /// <summary>
    /// Model-specific registers by index, beyond those with a property of their own (EFER, APIC base).
    /// An accelerator fills in those it has; a put writes those present here.
    /// </summary>
    public SortedDictionary<uint, ulong> Msrs { get; init; } = [];

    /// <summary>Events in flight.</summary>
    public PendingEvents Events { get; set; }

    /// <summary>Multiprocessing state.</summary>
    public MpState MpState { get; set; }

    /// <summary>PAE page-directory pointers that the processor holds (PAE paging only).</summary>
    public ulong[] Pdptes { get; init; } = new ulong[4];

    /// <summary>The local APIC's register page: 64 registers, 16 bytes apart, 1,024 bytes (KVM's layout).</summary>
    public byte[] LocalApic { get; init; } = new byte[1024];

    /// <summary>Makes this an exact copy of another state.</summary>
    public void CopyFrom(ProcessorState other)
    {
        ArgumentNullException.ThrowIfNull(other);
        other.Gpr.CopyTo(Gpr, 0);
        Rip = other.Rip;
        Rflags = other.Rflags;
        other.Segments.CopyTo(Segments, 0);
        (Gdtr, Idtr) = (other.Gdtr, other.Idtr);
        (Cr0, Cr2, Cr3, Cr4, Cr8) = (other.Cr0, other.Cr2, other.Cr3, other.Cr4, other.Cr8);
        (Efer, ApicBase, Xcr0, Pkru) = (other.Efer, other.ApicBase, other.Xcr0, other.Pkru);
        other.DebugAddress.CopyTo(DebugAddress, 0);
        (Dr6, Dr7) = (other.Dr6, other.Dr7);
        Fpu.CopyFrom(other.Fpu);
        Msrs.Clear();
        foreach ((uint index, ulong value) in other.Msrs) Msrs[index] = value;
        Events = other.Events;
        MpState = other.MpState;
        other.Pdptes.CopyTo(Pdptes, 0);
        other.LocalApic.CopyTo(LocalApic, 0);
    }
}
