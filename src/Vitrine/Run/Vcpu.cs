using Vitrine.Accelerators;
using Vitrine.X86.State;

namespace Vitrine.Run;

/// <summary>
/// One vCPU and the question who owns its registers. <see cref="State"/> is our copy; while <see cref="Dirty"/> it is the
/// truth and must be put before the next run; while clean the accelerator's is. All members belong to the vCPU's thread.
/// </summary>
/// <remarks>
/// <code>
///                 Synchronize (get)
///        clean  ───────────────────►  dirty
///          ▲                            │
///          └──────── Put, Run ──────────┘   at the level that the last change asked for
/// </code>
/// </remarks>
internal sealed class Vcpu : IDisposable
{
    private readonly IVirtualCpu _cpu;

    // What a fresh vCPU needs; lowered by each put, raised again by a reset.
    private PutLevel _level = PutLevel.Full;

    /// <summary>Takes over a vCPU just created. Its state is ours to define, so it begins dirty.</summary>
    public Vcpu(IVirtualCpu cpu, ProcessorState state)
    {
        _cpu = cpu;
        State = state;
        Dirty = true;
    }

    /// <summary>Number and local-APIC id.</summary>
    public int Id => _cpu.Id;

    /// <summary>The accelerator's side.</summary>
    public IVirtualCpu Accelerated => _cpu;

    /// <summary>Our copy of the registers.</summary>
    public ProcessorState State { get; }

    /// <summary>True while our copy is the truth.</summary>
    public bool Dirty { get; private set; }

    /// <summary>The last exits.</summary>
    public ExitHistory History { get; } = new();

    /// <summary>
    /// Makes our copy the truth, reading it when it is not. The accelerator finishes the instruction that the last exit
    /// belongs to first.
    /// </summary>
    public void Synchronize()
    {
        if (Dirty) return;
        _cpu.GetState(State);
        Dirty = true;
    }

    /// <summary>Our copy has been set to a state of reset: it counts now, down to what may only change at reset.</summary>
    public void MarkReset()
    {
        if (_level < PutLevel.Reset) _level = PutLevel.Reset;
        Dirty = true;
    }

    /// <summary>Makes the accelerator's copy the truth.</summary>
    public void Put()
    {
        if (!Dirty) return;
        _cpu.PutState(State, _level);
        _level = PutLevel.Runtime;
        Dirty = false;
    }

    /// <summary>Enters the guest, with our copy put first if it is the truth.</summary>
    public ref VmExit Run()
    {
        Put();
        return ref _cpu.Run();
    }

    /// <inheritdoc/>
    public void Dispose() => _cpu.Dispose();
}
