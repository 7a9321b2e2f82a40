using Vitrine.Accelerators.Parts;
using Vitrine.Accelerators.Software.Apic;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Vitrine.X86.VmEntry;

namespace Vitrine.Accelerators.Software;

/// <summary>The state of a software vCPU in parts. What was derived from memory stays: whoever writes there without telling says so to the accelerator.</summary>
internal sealed unsafe class VcpuParts : IVcpuParts
{
    // SAFETY: _cpu is the state of the vCPU that owns this object, and outlives it; only its thread comes here.
    private const ulong PagingCr0 = Cr0.PG | Cr0.PE | Cr0.WP;
    private const ulong ModeFlags = Rflags.VM | Rflags.AC;

    private readonly CpuState* _cpu;
    private readonly Processor _processor;
    private readonly LocalApic _localApic;
    private readonly ClientEvents _client;
    private readonly VcpuExit _exit;
    private readonly VcpuActivity _activity;
    private readonly VcpuWaker _waker;
    private readonly Action<ulong> _setTsc;
    private bool _unchecked;

    // For the checks of VM entry, which look at all registers together.
    private ProcessorState? _registers;

    /// <summary>The parts of a vCPU.</summary>
    public VcpuParts(CpuState* cpu, Processor processor, VcpuExit exit, VcpuActivity activity, VcpuWaker waker, Action<ulong> setTsc)
    {
        _cpu = cpu;
        _processor = processor;
        _localApic = processor.LocalApic;
        _client = processor.Client;
        _exit = exit;
        _activity = activity;
        _waker = waker;
        _setTsc = setTsc;
    }

    /// <inheritdoc/>
    public AttentionWords Attention => _waker.Attention;

    /// <inheritdoc/>
    public bool InterruptsEnabled => _activity.InterruptsEnabled;

    /// <inheritdoc/>
    public ulong Cr8
    {
        get => _localApic.Cr8;
        set => _localApic.Cr8 = (byte)value;
    }

    /// <inheritdoc/>
    public ulong ApicBase => _localApic.ApicBase;

    /// <inheritdoc/>
    public ref VmExit LastExit => ref _exit.Value;

    /// <inheritdoc/>
    public bool ReadyForInterrupt => _processor.IsOpenForInterrupt;

    /// <inheritdoc/>
    public bool RequestInterruptWindow
    {
        get => _client.WindowRequested;
        set
        {
            if (_client.WindowRequested == value) return;
            _client.WindowRequested = value;
            Volatile.Write(ref _cpu->PollAt, 0);
        }
    }

    /// <inheritdoc/>
    public VcpuDebugging? Debugging
    {
        get => _processor.Debugging.Wanted;
        set
        {
            _processor.Debugging.Wanted = value;
            _cpu->Mode = (_cpu->Mode & ~ExecutionMode.SingleStep) | (value is { SingleStep: true } ? ExecutionMode.SingleStep : ExecutionMode.None);
            ModeChange.Apply(_cpu);
            Volatile.Write(ref _cpu->PollAt, 0);
            if (value is not { InjectDebugException: true } and not { InjectBreakpoint: true }) return;
            PendingEvents events = _client.State;
            events.ExceptionPending = true;
            events.ExceptionVector = value.InjectDebugException ? ExceptionVector.DB : ExceptionVector.BP;
            events.ExceptionHasErrorCode = false;
            _client.State = events;
        }
    }

    /// <inheritdoc/>
    public UnfinishedWork Unfinished
    {
        get
        {
            ClientEvents client = new();
            client.GoOnFrom(_client);
            return new UnfinishedVcpu(_exit.Unfinished, client);
        }

        set
        {
            UnfinishedVcpu unfinished = (UnfinishedVcpu)value;
            _exit.Unfinished = unfinished.Exit;
            _client.GoOnFrom(unfinished.Client);
            _unchecked = true;
            Volatile.Write(ref _cpu->PollAt, 0);
        }
    }

    /// <summary>Why what was put can't be entered; null where it can.</summary>
    public EntryCheckResult? EntryFailure
    {
        get;
        set
        {
            field = value;
            _unchecked = false;
        }
    }

    /// <summary>Makes the checks of VM entry, if what has been put in parts may be none that a processor enters.</summary>
    public void CheckEntry(EntryEnvironment environment)
    {
        if (!_unchecked) return;
        _registers ??= new ProcessorState();
        StateTransfer.Get(_cpu, _registers, StateTransfer.Registers);
        EntryFailure = EntryChecks.FirstFailure(_registers, environment);
    }

    /// <inheritdoc/>
    public void Get(ProcessorState state, StateParts parts)
    {
        ArgumentNullException.ThrowIfNull(state);
        StateTransfer.Get(_cpu, state, parts & ~StateParts.Debug);
        if ((parts & StateParts.Debug) != 0) _processor.Debugging.Get(state);
        if ((parts & StateParts.Special) != 0)
        {
            state.ApicBase = _localApic.ApicBase;
            state.Cr8 = _localApic.Cr8;
        }

        if ((parts & StateParts.LocalApic) != 0)
        {
            // An expiry that nobody has noticed becomes a request.
            _localApic.Advance(_processor.Now);
            _localApic.SaveState(state.LocalApic);
        }

        if ((parts & StateParts.Events) != 0) state.Events = Events(state.Events);
        if ((parts & StateParts.Activity) != 0) state.MpState = _activity.State;
    }

    /// <inheritdoc/>
    public void Put(ProcessorState state, StateParts parts)
    {
        ArgumentNullException.ThrowIfNull(state);
        if ((parts & (StateParts.General | StateParts.Special)) != 0) _exit.NoteResumePoint();
        ulong flags = _cpu->SystemFlags;
        (ulong cr0, ulong cr3, ulong cr4, ulong efer) = (_cpu->Cr0, _cpu->Cr3, _cpu->Cr4, _cpu->Efer);
        bool pointersChange = (parts & StateParts.Special) != 0 && PointersDiffer(state);
        StateTransfer.Put(state, _cpu, parts & ~(StateParts.Pkru | StateParts.Debug));
        if ((parts & StateParts.Debug) != 0) _processor.Debugging.Put(state);
        if ((parts & StateParts.Pkru) != 0) _processor.Mmu.LoadKeys(state.Pkru, _cpu->Pkrs);
        const StateParts ModeParts = StateParts.Special | StateParts.Fpu | StateParts.ExtendedControl | StateParts.Debug;
        if ((parts & ModeParts) != 0 || ((flags ^ _cpu->SystemFlags) & ModeFlags) != 0) ModeChange.Apply(_cpu);
        bool changed = ((cr0 ^ _cpu->Cr0) & PagingCr0) != 0 || cr3 != _cpu->Cr3 || cr4 != _cpu->Cr4 || efer != _cpu->Efer || pointersChange;
        if (changed) _processor.Mmu.FlushAll();
        if ((parts & StateParts.Special) != 0) PutApicRegisters(state);
        if ((parts & StateParts.LocalApic) != 0)
        {
            _localApic.LoadState(state.LocalApic, _localApic.ApicBase);
            _processor.Bus.FollowLocalApic();
        }

        if ((parts & StateParts.Events) != 0) PutEvents(state.Events);
        if ((parts & StateParts.Activity) != 0) PutActivity(state.MpState);
        if ((parts & ~StateParts.General) != 0) Volatile.Write(ref _cpu->PollAt, 0);
        const StateParts CheckedParts = StateParts.Special | StateParts.Debug | StateParts.Events;
        _unchecked |= (parts & CheckedParts) != 0 || EntryFailure is not null || NeedsCheck;
    }

    /// <inheritdoc/>
    public bool TryReadMsr(uint index, out ulong value) => _processor.Msrs.TryReadAsHost(index, out value);

    /// <inheritdoc/>
    public bool TryWriteMsr(uint index, ulong value)
    {
        if (index == Msr.IA32_TIME_STAMP_COUNTER)
        {
            _setTsc(value);
            return true;
        }

        _unchecked = true;
        return _processor.Msrs.TryWriteAsHost(index, value);
    }

    /// <inheritdoc/>
    public void SetMachineCheck(ulong capabilities) => _processor.Msrs.MachineCheck.SetUp(capabilities);

    /// <inheritdoc/>
    public bool TryNotePause() => _processor.ParavirtualClock.TryNotePause();

    /// <inheritdoc/>
    public void AbandonAccess() => _exit.DropAccess();

    /// <inheritdoc/>
    public bool TryInjectInterrupt(byte vector)
    {
        // As KVM does: without a local APIC that could say so, it is the client's business whether one waits.
        if (_processor.Behavior.LocalApicAtClient) _client.Replace(vector);
        else if (!_client.TryPost(vector)) return false;
        Volatile.Write(ref _cpu->PollAt, 0);
        return true;
    }

    // Of what general registers hold, only this is ever refused.
    private bool NeedsCheck
    {
        get
        {
            const int HighestOfLower = 46;
            return _cpu->InterruptShadow != 0 || _cpu->Rip >> HighestOfLower != 0 && !Canonical.Is(_cpu->Rip) ||
                ((_cpu->Mode & ExecutionMode.Code64) == 0 && _cpu->Rip > uint.MaxValue) || (_cpu->SystemFlags & Rflags.VM) != 0;
        }
    }

    private PendingEvents Events(PendingEvents registers)
    {
        PendingEvents events = _client.State;
        events.InterruptShadow = registers.InterruptShadow;
        events.NmiMasked = registers.NmiMasked;
        events.NmisPending = (byte)_localApic.PendingNmis(_cpu->NmiMasked);
        events.SipiVector = _localApic.StartUpVector;
        return events;
    }

    private void PutEvents(PendingEvents events)
    {
        _client.State = events;
        _localApic.TryTake(ApicEvents.Nmis);
        _localApic.RestoreNmis(events.NmisPending);
        _localApic.StartUpVector = (byte)events.SipiVector;
        if (_client.HasInjection) _activity.Halted = false;
    }

    private void PutActivity(MpState activity)
    {
        // The start-up IPI has come, and waits.
        if (activity == MpState.SipiReceived) _localApic.RestoreStart(init: false, startUp: true, _localApic.StartUpVector);
        _activity.State = activity == MpState.SipiReceived ? MpState.InitReceived : activity;
        _activity.NoteSleep(_activity.WaitsForStartUp || (_activity.Halted && !_activity.InterruptsEnabled));
    }

    private void PutApicRegisters(ProcessorState state)
    {
        if (_localApic.ApicBase != state.ApicBase)
        {
            _localApic.RestoreBase(state.ApicBase);
            _processor.Bus.FollowLocalApic();
        }

        if (_localApic.Cr8 != state.Cr8) _localApic.Cr8 = (byte)state.Cr8;
    }

    private bool PointersDiffer(ProcessorState state)
    {
        for (int i = 0; i < state.Pdptes.Length; i++)
        {
            if (state.Pdptes[i] != _cpu->Pdpte[i]) return true;
        }

        return false;
    }
}
