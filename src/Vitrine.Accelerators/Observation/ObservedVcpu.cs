using System.Globalization;
using Vitrine.Accelerators.Capture;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Statistics;
using Vitrine.Accelerators.Translation;
using Vitrine.X86.Cpuid;
using Vitrine.X86.State;
using Vitrine.X86.VmEntry;

namespace Vitrine.Accelerators.Observation;

/// <summary>
/// A vCPU whose calls are written down. Before each put it reads what the accelerator has, to tell what the put changes; that
/// read is the observer's own and marked as such (<see cref="CallRecord.ObserverTarget"/>), with all that it causes.
/// </summary>
internal sealed class ObservedVcpu : IVirtualCpu, IVcpuInspection, IPutObserver
{
    private readonly IVirtualCpu _inner;
    private readonly CallLog _log;
    private readonly ProcessorState _before = new();
    private StatePut? _put;
    private bool _dirty;

    /// <summary>Observes a vCPU.</summary>
    public ObservedVcpu(IVirtualCpu inner, CallLog log)
    {
        (_inner, _log) = (inner, log);
        Target = string.Create(CultureInfo.InvariantCulture, $"vcpu {inner.Id}");
    }

    /// <summary>What its calls are written down under.</summary>
    public string Target { get; }

    /// <inheritdoc/>
    public int Id => _inner.Id;

    /// <inheritdoc/>
    public uint TscKilohertz => _inner.TscKilohertz;

    /// <inheritdoc/>
    public uint ApicTimerKilohertz => _inner.ApicTimerKilohertz;

    /// <inheritdoc/>
    public IReadOnlyList<CpuidEntry> SupportedCpuid => _inner.SupportedCpuid;

    /// <inheritdoc/>
    public IVcpuInspection Inspection => this;

    /// <inheritdoc/>
    public IMmuInspection? Mmu => _inner.Inspection.Mmu;

    /// <inheritdoc/>
    public ITranslatorInspection? Translator => _inner.Inspection.Translator;

    /// <inheritdoc/>
    public CpuStatistics? Statistics => _inner.Inspection.Statistics;

    /// <inheritdoc/>
    public EntryCheckResult? EntryFailure => _inner.Inspection.EntryFailure;

    /// <inheritdoc/>
    public LockstepDifference? LockstepDifference => _inner.Inspection.LockstepDifference;

    /// <inheritdoc/>
    public HostFault? HostFault => _inner.Inspection.HostFault;

    /// <inheritdoc/>
    public ulong InstructionsExecuted => _inner.Inspection.InstructionsExecuted;

    /// <inheritdoc/>
    public bool SingleStep
    {
        get => _inner.Inspection.SingleStep;
        set
        {
            using ObservedCall call = Begin(nameof(SingleStep));
            call.Arguments.Add("on", value ? "true" : "false");
            _inner.Inspection.SingleStep = value;
            call.Succeeded();
        }
    }

    /// <inheritdoc/>
    public bool TryStopAt(ulong? address)
    {
        using ObservedCall call = Begin(nameof(TryStopAt));
        call.Arguments.Add("address", address is { } linear ? $"0x{linear:x}" : "none");
        bool can = _inner.Inspection.TryStopAt(address);
        call.Succeeded();
        return can;
    }

    /// <inheritdoc/>
    public void SetCpuid(ReadOnlySpan<CpuidEntry> entries)
    {
        using ObservedCall call = Begin(nameof(SetCpuid));
        call.Arguments.Number("entries", entries.Length);
        _inner.SetCpuid(entries);
        call.Succeeded();
    }

    /// <inheritdoc/>
    public void GetState(ProcessorState state)
    {
        using ObservedCall call = Begin(nameof(GetState));
        _inner.GetState(state);
        call.Succeeded();
    }

    /// <inheritdoc/>
    public void PutState(ProcessorState state, PutLevel level)
    {
        if (_log.Paused)
        {
            _inner.PutState(state, level);
            return;
        }

        ReadBefore();
        IReadOnlyList<RegisterChange> changes = StateDifference.Between(_before, state);
        using ObservedCall call = Begin(nameof(PutState));
        call.Arguments.Add("level", level.ToString()).Number("changed registers", changes.Count);

        // It goes into the log when the flag behind it is known.
        _put = new StatePut(call.Number, Id, level, DirtyBefore: _dirty, DirtyAfter: true, changes);
        _inner.PutState(state, level);
        call.Succeeded();
    }

    /// <inheritdoc/>
    public HiddenVcpuState GetHiddenState()
    {
        using ObservedCall call = Begin(nameof(GetHiddenState));
        HiddenVcpuState state = _inner.GetHiddenState();
        call.Succeeded();
        return state;
    }

    /// <inheritdoc/>
    public void PutHiddenState(HiddenVcpuState state)
    {
        using ObservedCall call = Begin(nameof(PutHiddenState));
        _inner.PutHiddenState(state);
        call.Succeeded();
    }

    /// <inheritdoc/>
    public ref VmExit Run()
    {
        if (_log.Paused) return ref _inner.Run();
        using ObservedCall call = Begin(nameof(Run));
        ref VmExit exit = ref _inner.Run();
        call.Succeeded(ExitText.Of(ref exit));
        return ref exit;
    }

    /// <inheritdoc/>
    public void Kick()
    {
        using ObservedCall call = Begin(nameof(Kick));
        _inner.Kick();
        call.Succeeded();
    }

    /// <inheritdoc/>
    public void NotifyExternalInterrupt(bool level)
    {
        using ObservedCall call = Begin(nameof(NotifyExternalInterrupt));
        call.Arguments.Add("level", level ? "1" : "0");
        _inner.NotifyExternalInterrupt(level);
        call.Succeeded();
    }

    /// <inheritdoc/>
    public void RaiseNmi()
    {
        using ObservedCall call = Begin(nameof(RaiseNmi));
        _inner.RaiseNmi();
        call.Succeeded();
    }

    /// <inheritdoc/>
    public bool TryTranslate(ulong gva, out ulong gpa)
    {
        using ObservedCall call = Begin(nameof(TryTranslate));
        call.Arguments.Hex("gva", gva);
        bool mapped = _inner.Inspection.TryTranslate(gva, out gpa);
        call.Succeeded(mapped ? string.Create(CultureInfo.InvariantCulture, $"gpa 0x{gpa:x}") : "not mapped");
        return mapped;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        using ObservedCall call = Begin(nameof(Dispose));
        _inner.Dispose();
        call.Succeeded();
    }

    /// <inheritdoc/>
    public void PutBegins(bool dirty) => _dirty = dirty;

    /// <inheritdoc/>
    public void PutEnded(bool dirty)
    {
        if (_put is not null) _log.Add(_put with { DirtyAfter = dirty });
        _put = null;
    }

    private void ReadBefore()
    {
        using ObservedCall call = new(_log, CallRecord.ObserverTarget, nameof(GetState));
        call.Arguments.Number("vcpu", Id);
        _inner.GetState(_before);
        call.Succeeded();
    }

    private ObservedCall Begin(string name) => new(_log, Target, name);
}
