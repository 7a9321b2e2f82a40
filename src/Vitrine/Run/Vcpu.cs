using Vitrine.Accelerators;
using Vitrine.Accelerators.Capture;
using Vitrine.Accelerators.Observation;
using Vitrine.X86.State;

namespace Vitrine.Run;

/// <summary>
/// One vCPU and the question who owns its registers. <see cref="State"/> is our copy; while <see cref="Dirty"/> it is the
/// truth and must be put before the next run; while clean the accelerator's is. Looking does not change the owner: a copy that was
/// only read stays clean, and nothing is put. All members belong to the vCPU's thread.
/// </summary>
/// <remarks>
/// <code>
///              Claim (get, unless the copy is current)
///        clean  ───────────────────────────────────────►  dirty        Refresh (get): clean stays clean
///          ▲                                                │          MarkReset: dirty, without a get
///          └────────────────── Put, Run ────────────────────┘          Run: the copy is no longer current
///                 at the level that the last change asked for
/// </code>
/// </remarks>
internal sealed class Vcpu : IDisposable
{
    private readonly IVirtualCpu _cpu;
    private readonly IPutObserver? _observer;
    private bool _read;

    // What a fresh vCPU needs; lowered by each put, raised again by a reset.
    private PutLevel _level = PutLevel.Full;

    /// <summary>Takes over a vCPU just created. Its state is ours to define, so it begins dirty.</summary>
    public Vcpu(IVirtualCpu cpu, ProcessorState state)
    {
        _cpu = cpu;
        _observer = cpu as IPutObserver;
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

    /// <summary>True while our copy shows the vCPU as it is: it is the truth, or was read and nothing has run since.</summary>
    public bool Current => Dirty || _read;

    /// <summary>
    /// Reads the registers into our copy, unless it is current. The accelerator finishes the instruction that the last exit
    /// belongs to first, and stays the owner.
    /// </summary>
    public void Refresh()
    {
        if (Current) return;
        _cpu.GetState(State);
        _read = true;
    }

    /// <summary>
    /// Reads the registers anew, and what the accelerator holds beside them, after giving it what is only in our copy. A copy that was read earlier has
    /// old counters, though nothing has run.
    /// </summary>
    public HiddenVcpuState Capture()
    {
        Put();
        _read = false;
        Refresh();
        return _cpu.GetHiddenState();
    }

    /// <summary>Gives the accelerator a whole state that was captured.</summary>
    /// <exception cref="Errors.VitrineException">No vCPU can have it.</exception>
    public void Restore(ProcessorState state, HiddenVcpuState hidden)
    {
        State.CopyFrom(state);
        _level = PutLevel.Full;
        Dirty = true;
        Put();
        _cpu.PutHiddenState(hidden);
    }

    /// <summary>Makes our copy the truth, reading it when it is not current: someone may change it from now on.</summary>
    public void Claim()
    {
        Refresh();
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
        _observer?.PutBegins(Dirty);
        try
        {
            _cpu.PutState(State, _level);
            _level = PutLevel.Runtime;
            Dirty = false;
            _read = false;
        }
        finally
        {
            _observer?.PutEnded(Dirty);
        }
    }

    /// <summary>Enters the guest, with our copy put first if it is the truth.</summary>
    public ref VmExit Run()
    {
        Put();
        _read = false;
        return ref _cpu.Run();
    }

    /// <inheritdoc/>
    public void Dispose() => _cpu.Dispose();
}
