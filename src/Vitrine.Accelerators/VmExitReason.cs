namespace Vitrine.Accelerators;

/// <summary>Why <see cref="IVirtualCpu.Run"/> returned.</summary>
public enum VmExitReason
{
    /// <summary>Port I/O: <see cref="VmExit.Port"/>, <see cref="VmExit.Size"/>, <see cref="VmExit.Count"/>, <see cref="VmExit.Data"/>.</summary>
    PortIo,

    /// <summary>Access to an address outside every slot, or a write to a read-only slot: <see cref="VmExit.Address"/>, <see cref="VmExit.Data"/>.</summary>
    Mmio,

    /// <summary>Kicked, or a signal came.</summary>
    Interrupted,

    /// <summary>HLT that the accelerator doesn't wait out itself (KVM without in-kernel irqchip).</summary>
    Halt,

    /// <summary>HLT with interrupts disabled on the software CPU: nothing but an NMI could end it.</summary>
    HaltForever,

    /// <summary>Triple fault.</summary>
    Shutdown,

    /// <summary>The CPU refused to enter the guest: <see cref="VmExit.Detail"/> is the hardware's reason (0x80000021, ...).</summary>
    FailEntry,

    /// <summary>The accelerator could not go on: <see cref="VmExit.Suberror"/>, <see cref="VmExit.InstructionBytes"/>.</summary>
    InternalError,

    /// <summary>A level-triggered interrupt was acknowledged: <see cref="VmExit.Vector"/> must be told to the IOAPIC.</summary>
    IoapicEoi,

    /// <summary>
    /// Single step or breakpoint set by a debugger: <see cref="VmExit.Address"/> is the linear address of the next instruction, <see cref="VmExit.Vector"/> the
    /// exception that it stands for, <see cref="VmExit.Detail"/> and <see cref="VmExit.DebugControl"/> are DR6 and DR7.
    /// </summary>
    Debug,

    /// <summary>The guest asked for a reset, a shutdown or reported a crash: <see cref="VmExit.Detail"/> 1 shutdown, 2 reset, 3 crash.</summary>
    SystemEvent,

    /// <summary>
    /// Access to an MSR that the accelerator passes on: <see cref="VmExit.Address"/> is the index, <see cref="VmExit.Data"/> 8 bytes, <see cref="VmExit.Detail"/> one
    /// of <see cref="Parts.MsrExitReasons"/>; the answer may be <see cref="VmExit.Failed"/>.
    /// </summary>
    Msr,

    /// <summary>The guest's TPR access, or another report that needs no answer.</summary>
    Ignorable,

    /// <summary>
    /// In lockstep: the translator and the interpreter have not executed a block alike. <see cref="IVcpuInspection.LockstepDifference"/> says where and how;
    /// the vCPU stands before the block. <see cref="VmExit.Detail"/> is the RIP at which translated code left it.
    /// </summary>
    EnginesDiffer,

    /// <summary>The guest has lowered CR8, and the local APIC is the client's.</summary>
    SetTpr,

    /// <summary>An external interrupt could be delivered now, as <see cref="Parts.IVcpuParts.RequestInterruptWindow"/> has asked.</summary>
    InterruptWindow,

    /// <summary>A reason that this version doesn't know; <see cref="VmExit.Detail"/> is its number.</summary>
    Unknown,
}
