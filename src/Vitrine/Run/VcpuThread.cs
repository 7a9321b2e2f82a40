using System.Runtime.ExceptionServices;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Capture;
using Vitrine.Accelerators.Statistics;
using Vitrine.Errors;
using Vitrine.State;
using Vitrine.X86.Cpuid;
using Vitrine.X86.State;

namespace Vitrine.Run;

/// <summary>A vCPU's thread: creates the vCPU, runs it whenever the gate is open, leaves its state behind for inspection.</summary>
internal sealed class VcpuThread : IDisposable
{
    private readonly VirtualMachine _machine;
    private readonly Thread _thread;
    private readonly ManualResetEventSlim _ready = new();
    private readonly Lock _kickLock = new();
    private ExceptionDispatchInfo? _failure;
    private Vcpu? _vcpu;
    private uint _signature;
    private bool _mayBeKicked;
    private ulong _executed;
    private CpuStatistics? _statistics;

    /// <summary>Prepares the thread.</summary>
    /// <param name="machine">The machine it belongs to.</param>
    /// <param name="id">Number and local-APIC id.</param>
    /// <param name="state">What the vCPU starts with.</param>
    public VcpuThread(VirtualMachine machine, int id, ProcessorState state)
    {
        _machine = machine;
        Id = id;
        State = state;
        _thread = new Thread(Main) { Name = $"vcpu{id}", IsBackground = true };
    }

    /// <summary>Number and local-APIC id.</summary>
    public int Id { get; }

    /// <summary>True on this thread.</summary>
    public bool IsCurrentThread => Thread.CurrentThread == _thread;

    /// <summary>Our copy of the registers; valid while the vCPU stands at the gate or has finished.</summary>
    public ProcessorState State { get; }

    /// <summary>What CPUID answers on it; empty before it is ready.</summary>
    public IReadOnlyList<CpuidEntry> Cpuid { get; private set; } = [];

    /// <summary>The accelerator's side, for tools; only while the vCPU stands at the gate or has finished.</summary>
    public IVirtualCpu Accelerated => _vcpu!.Accelerated;

    /// <summary>When its state was complete.</summary>
    public DateTime ReadyAt { get; private set; }

    /// <summary>When it entered the guest for the first time.</summary>
    public DateTime FirstRunAt { get; private set; }

    /// <summary>Guest instructions executed, where the accelerator counts them.</summary>
    public ulong InstructionsExecuted
    {
        get
        {
            lock (_kickLock) return _mayBeKicked ? _vcpu!.Accelerated.Inspection.InstructionsExecuted : _executed;
        }
    }

    /// <summary>What the vCPU has done; null where the accelerator doesn't tell.</summary>
    public CpuStatistics? Statistics
    {
        get
        {
            lock (_kickLock) return _mayBeKicked ? _vcpu!.Accelerated.Inspection.Statistics : _statistics;
        }
    }

    /// <summary>Starts the thread; the vCPU then stands at the gate.</summary>
    public void Start() => _thread.Start();

    /// <summary>Waits until the vCPU stands at the gate.</summary>
    /// <exception cref="VitrineException">It could not be created.</exception>
    public void WaitUntilReady()
    {
        _ready.Wait();
        _failure?.Throw();
    }

    /// <summary>Waits until the thread is over; it never is before the machine has ended.</summary>
    public void Join()
    {
        if (_thread.ThreadState.HasFlag(ThreadState.Unstarted)) return;
        _thread.Join();
    }

    /// <summary>Makes the run loop look at the gate. Any thread.</summary>
    public void Kick()
    {
        // A thread that is gone must not be signalled.
        lock (_kickLock)
        {
            if (_mayBeKicked) _vcpu!.Accelerated.Kick();
        }
    }

    /// <summary>Puts the vCPU, which stands at the gate, into its state after reset.</summary>
    public void Reset()
    {
        ResetState.Apply(State, Id, _signature);
        _vcpu!.MarkReset();
    }

    /// <summary>Makes the state of a reset the accelerator's. On its thread.</summary>
    public void Settle() => _vcpu!.Put();

    /// <summary>Reads the registers into <see cref="State"/>. On its thread.</summary>
    /// <param name="claim">True to make our copy the truth, because someone may change it.</param>
    public void Read(bool claim)
    {
        if (claim) _vcpu!.Claim();
        else _vcpu!.Refresh();
    }

    /// <summary>All that the vCPU holds. On its thread.</summary>
    public VcpuState Capture()
    {
        HiddenVcpuState hidden = _vcpu!.Capture();
        ProcessorState registers = new();
        registers.CopyFrom(State);
        return new VcpuState { Registers = registers, Hidden = hidden, Cpuid = Cpuid };
    }

    /// <summary>Takes over what <see cref="Capture"/> gave. On its thread.</summary>
    /// <exception cref="VitrineException">The vCPU can't have it.</exception>
    public void Restore(VcpuState state)
    {
        // What a guest was told of its processor must stay true.
        InvalidState.Unless(state.Cpuid.SequenceEqual(Cpuid), $"vCPU {Id}", "CPUID answers something else on this host");
        _vcpu!.Restore(state.Registers, state.Hidden);
    }

    /// <summary>Steps until the order is carried out. On its thread.</summary>
    public void Step(StepOrder order)
    {
        if (FirstRunAt == default) FirstRunAt = DateTime.UtcNow;
        ref VmExit exit = ref StepLoop.Run(_vcpu!, _machine.Bus, _machine.Gate, order, out ExitOutcome outcome);
        if (outcome.Kind is not (ExitKind.Continue or ExitKind.Interrupted or ExitKind.Idle)) _machine.Leave(_vcpu!, outcome, ref exit);
        _vcpu!.Refresh();
    }

    /// <summary>The report of this vCPU under a headline. On its thread.</summary>
    public string Report(string headline) =>
        _vcpu is null || !_vcpu.Current ? headline : FailureReport.Write(headline, _vcpu, _machine.Memory, []);

    /// <inheritdoc/>
    public void Dispose()
    {
        _vcpu?.Dispose();
        _ready.Dispose();
    }

    private void Main()
    {
        try
        {
            _vcpu = new Vcpu(_machine.AcceleratorInUse.CreateVcpu(Id), State);
            Prepare(_vcpu);
            ReadyAt = DateTime.UtcNow;
            lock (_kickLock) _mayBeKicked = true;
            _ready.Set();
            while (_machine.Gate.Pass(Id, out Action? errand))
            {
                if (errand is null) RunUntilWanted(_vcpu);
                else errand();
            }
        }
        catch (VitrineException error) when (_ready.IsSet)
        {
            _machine.End(new VmEnd(VmEndReason.InternalError, 0, error.Message, error));
        }
        catch (Exception error) when (_ready.IsSet)
        {
            // A defect of ours must not take the caller's process down.
            _machine.End(new VmEnd(VmEndReason.InternalError, 0, Report($"Vitrine failed: {error}")));
        }
        catch (Exception error)
        {
            _failure = ExceptionDispatchInfo.Capture(error);
            _machine.End(new VmEnd(VmEndReason.InternalError, 0, error.Message, error as VitrineException));
        }
        finally
        {
            lock (_kickLock)
            {
                _executed = _vcpu?.Accelerated.Inspection.InstructionsExecuted ?? 0;
                _statistics = _vcpu?.Accelerated.Inspection.Statistics;
                _mayBeKicked = false;
            }

            _machine.Finished(this);
            _ready.Set();
        }
    }

    private void RunUntilWanted(Vcpu vcpu)
    {
        if (FirstRunAt == default) FirstRunAt = DateTime.UtcNow;
        ref VmExit exit = ref RunLoop.Run(vcpu, _machine.Bus, _machine.Gate, out ExitOutcome outcome);
        if (outcome.Kind != ExitKind.Interrupted) _machine.Leave(vcpu, outcome, ref exit);
        vcpu.Refresh();
    }

    // Should it fail, the vCPU is disposed with the machine: other vCPUs and devices know it already.
    private void Prepare(Vcpu vcpu)
    {
        IVirtualCpu cpu = vcpu.Accelerated;
        CpuidEntry[] cpuid = _machine.CpuidFor(cpu);
        cpu.SetCpuid(cpuid);
        Cpuid = cpuid;
        _signature = cpuid.First(entry => entry.Function == 1).Eax;
        State.Gpr[Gpr.Rdx] = _signature;
        if (Id == 0) _machine.Interrupts.ConnectBootProcessor(cpu);
        vcpu.Put();
    }
}
