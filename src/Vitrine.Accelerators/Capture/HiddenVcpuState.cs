namespace Vitrine.Accelerators.Capture;

/// <summary>
/// What a vCPU holds beside its <see cref="X86.State.ProcessorState"/>, where the accelerator gives it out: on the software CPU all of this, on KVM
/// nothing. A new one is that of a vCPU after reset.
/// </summary>
public sealed record HiddenVcpuState
{
    /// <summary>Causes of a debug trap that is due before the next instruction, as bits of DR6.</summary>
    public ulong PendingDebugTraps { get; set; }

    /// <summary>Selector of the last x87 instruction, which FSAVE stores.</summary>
    public ushort FpuCodeSelector { get; set; }

    /// <summary>Selector of the last x87 operand, which FSAVE stores.</summary>
    public ushort FpuDataSelector { get; set; }

    /// <summary>An INIT waits.</summary>
    public bool InitPending { get; set; }

    /// <summary>A start-up IPI waits.</summary>
    public bool StartUpPending { get; set; }

    /// <summary>Its vector: the page that execution is to begin in.</summary>
    public byte StartUpVector { get; set; }

    /// <summary>The time-stamp counter minus the machine's time, in ticks.</summary>
    public long TimeStampOffset { get; set; }

    /// <summary>Model-specific registers that <see cref="X86.State.ProcessorState.Msrs"/> leaves out, by index.</summary>
    public SortedDictionary<uint, ulong> Msrs { get; set; } = [];

    /// <summary>What the local APIC holds beside its register page.</summary>
    public HiddenLocalApicState LocalApic { get; set; } = new();
}
