using Vitrine.Accelerators.Capture;
using Vitrine.Accelerators.Coherence;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Parts;
using Vitrine.Accelerators.Software.Apic;
using Vitrine.Accelerators.Software.Blocks;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Engines;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.Accelerators.Software.Interpreter;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Lockstep;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.NativeUser;
using Vitrine.Accelerators.Software.Sharing;
using Vitrine.Accelerators.Software.System;
using Vitrine.Accelerators.Software.Translator;
using Vitrine.Accelerators.Software.Translator.Listing;
using Vitrine.Accelerators.Statistics;
using Vitrine.Accelerators.Translation;
using Vitrine.Timing;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Vitrine.X86.VmEntry;

namespace Vitrine.Accelerators.Software;

/// <summary>One vCPU of the software accelerator: puts its parts together, and is its state to the outside.</summary>
internal sealed unsafe class SoftwareVcpu : IVirtualCpu, IVcpuInspection, ITranslatorInspection
{
    // SAFETY: _cpu is a native allocation owned by this object and freed in Dispose; only the vCPU's thread touches it, except PollAt, to which others write zero.
    private EntryEnvironment _environment = new()
    {
        PhysicalAddressBits = CpuModels.PhysicalAddressBits,
        Cr4Supported = ControlRegisters.ImplementedCr4,
    };

    private readonly CpuState* _cpu;
    private readonly SoftwareAccelerator _accelerator;
    private readonly MachineClock _clock;
    private readonly BlockCache _blocks;
    private readonly VcpuExit _exit;
    private readonly VcpuPresence _presence;
    private readonly SoftMmu _mmu;
    private readonly Processor _processor;
    private readonly CodeFinder _code;
    private readonly InterpreterEngine _interpreter;
    private readonly TranslatorEngine? _translator;
    private readonly TranslatorInspection? _inspection;
    private readonly NativeUserEngine? _native;
    private readonly LockstepRun? _lockstep;
    private readonly VcpuWaker _waker;
    private readonly VcpuActivity _activity;
    private readonly VcpuCoherence? _coherence;
    private readonly GuestEntry _entry;
    private readonly EventPump _events;
    private readonly Dispatcher _dispatcher;
    private readonly VcpuParts _parts;
    private bool _disposed;

    internal SoftwareVcpu(SoftwareAccelerator accelerator, int id)
    {
        bool translates = accelerator.Engine == SoftwareEngine.Translator;
        _accelerator = accelerator;
        _clock = accelerator.Clock;
        Id = id;
        _cpu = StateMemory.Allocate(translates ? TranslationCache.BranchesFor(accelerator.TranslationBytes) : 0);
        _cpu->Translates = translates;
        _cpu->ForeignWrites = accelerator.ForeignWrites;
        _cpu->SystemFlags = Rflags.Fixed;
        _exit = new VcpuExit(_cpu);
        _waker = new VcpuWaker(_cpu);
        _presence = new VcpuPresence(_cpu, id, accelerator.Group);
        _blocks = new BlockCache(accelerator.CodeArenaBytes, accelerator.ForeignWrites);
        _cpu->JumpCache = _blocks.Jumps;
        LocalApic = new LocalApic((uint)id, new ApicClock(_cpu, _clock), _waker.Wake, accelerator.Interrupts);
        Bus bus = new(_cpu, _exit, LocalApic, accelerator.Behavior);
        _mmu = new SoftMmu(_cpu, _presence, accelerator.Group, bus, _blocks, accelerator.SlotTable, accelerator.Mmu);
        _processor = new Processor(_cpu, _mmu, bus, LocalApic, _presence, _clock, accelerator.Behavior);
        _code = new CodeFinder(_cpu, _mmu, _blocks) { LeavesForMissing = gpa => accelerator.Behavior.IsMissing?.Invoke(gpa) == true && _exit.ForMissingCode() };
        _interpreter = new InterpreterEngine(_cpu, _code);
        if (translates)
        {
            TranslatorOptions options = new(accelerator.TranslationBytes, Exact: accelerator.Lockstep, Shares: accelerator.Vcpus > 1, accelerator.Statistics, accelerator.ForeignWrites);
            _translator = new TranslatorEngine(_cpu, _mmu, _blocks, _code, _exit, options);
            _inspection = new TranslatorInspection(_cpu, _mmu, _code, _translator);
            if (accelerator.Lockstep) _lockstep = new LockstepRun(_cpu, _mmu, _code, _exit, _translator);
        }

        Engine engine = _translator is not null ? _translator : _interpreter;
        if (accelerator.UserCode != UserCode.Translated)
        {
            MemoryObjects Memory() => new(accelerator.SlotTable.Views.Select(static view => view.Slot));
            engine = _native = new NativeUserEngine(_cpu, _mmu, _code, engine, Memory, new UserPolicy(_cpu, accelerator.UserCode == UserCode.Native, accelerator.UserCodeChoice));
            _blocks.Attach(_native.Spaces);
        }

        if (accelerator.ForeignWrites) _coherence = new VcpuCoherence(_mmu, _blocks, _code, _presence, accelerator.Group);
        _entry = new GuestEntry(_presence, _mmu, _blocks, _code, _coherence);
        _activity = new VcpuActivity(_cpu, LocalApic, accelerator.Sleeps);
        _events = new EventPump(_cpu, _processor, _exit, _waker, _activity, _entry, _code, engine, _coherence, _clock)
        {
            AcknowledgeExternal = () => accelerator.ExternalInterrupts!.Acknowledge(),
            Initialize = TakeInit,
        };
        _parts = new VcpuParts(_cpu, _processor, _exit, _activity, _waker, JoinTsc);
        _dispatcher = new Dispatcher(_cpu, _processor, _code, _exit, _activity, _entry, _events, _interpreter, engine);

        // Its time-stamp counter joins those of the others when the machine puts a state; until then it has one of its own.
        ProcessorState state = ResetState.Create(id, 0);
        state.Msrs.Remove(Msr.IA32_TIME_STAMP_COUNTER);
        _cpu->TscOffset = -_clock.Now;
        Put(state, PutLevel.Full);
        _clock.Moved += _waker.Wake;
    }

    /// <inheritdoc/>
    public int Id { get; }

    /// <inheritdoc/>
    public uint TscKilohertz => GuestClock.TscKilohertz;

    /// <inheritdoc/>
    public uint ApicTimerKilohertz => GuestClock.ApicTimerKilohertz;

    /// <inheritdoc/>
    public IReadOnlyList<CpuidEntry> SupportedCpuid => _accelerator.HostLeaves;

    /// <inheritdoc/>
    public IVcpuInspection Inspection => this;

    /// <inheritdoc/>
    public IVcpuCoherence? Coherence => _coherence;

    /// <inheritdoc/>
    public IVcpuParts Parts => _parts;

    /// <inheritdoc/>
    public ulong InstructionsExecuted => Volatile.Read(ref _cpu->Instructions) + (_translator?.UncountedInstructions ?? 0);

    /// <inheritdoc/>
    public bool SingleStep
    {
        get => (_cpu->Mode & ExecutionMode.SingleStep) != 0;
        set
        {
            // The mode is part of a block's key: what was decoded for one way of running stays for the next time.
            _cpu->Mode = (_cpu->Mode & ~ExecutionMode.SingleStep) | (value ? ExecutionMode.SingleStep : ExecutionMode.None);
            _mmu.RefreshMode();
        }
    }

    /// <inheritdoc/>
    public bool TryStopAt(ulong? address)
    {
        // In lockstep blocks begin where the interpreter was tried.
        if (_lockstep is not null) return address is null;
        if (address is null && !_cpu->HasStop) return true;
        _cpu->HasStop = address is not null;
        _cpu->StopAddress = address ?? 0;
        int offset = address is { } linear ? (int)(linear & (X86.Paging.Page.Size - 1)) : StopPoint.None;
        _translator?.Translator.StopBefore(offset);
        _code.StopBefore(offset);
        return true;
    }

    /// <inheritdoc/>
    IMmuInspection? IVcpuInspection.Mmu => _mmu;

    /// <inheritdoc/>
    ITranslatorInspection? IVcpuInspection.Translator => _translator is not null ? this : null;

    /// <inheritdoc/>
    public HostFault? HostFault => _translator?.HostFaults.Fault;

    /// <inheritdoc/>
    public LockstepDifference? LockstepDifference => _lockstep?.Difference;

    /// <inheritdoc/>
    public CpuStatistics Statistics => new()
    {
        Engine = _translator is not null ? _translator.Name : _interpreter.Name,
        IsDetailed = _accelerator.Statistics,
        InterpretedInstructions = Volatile.Read(ref _cpu->Instructions),
        DecodedBlocks = _blocks.Decoded,
        Invalidations = _blocks.Invalidations,
        CacheFlushes = _blocks.Flushes,
        DecodedFlushes = _blocks.DecodedFlushes,
        Translation = _translator?.Counters.Statistics(_translator.Translations, _lockstep?.Compared ?? 0),
        Native = _native?.Statistics,
        Mmu = _mmu.Mode,
        MmuCounters = _mmu.Counters,
    };

    /// <summary>The MMU.</summary>
    internal SoftMmu Mmu => _mmu;

    /// <summary>What instructions of the system reach.</summary>
    internal Processor Processor => _processor;

    /// <summary>From RIP to operations.</summary>
    internal CodeFinder Code => _code;

    /// <summary>The vCPU as the others see it.</summary>
    internal VcpuPresence Presence => _presence;

    /// <summary>The engine that translates; null without it.</summary>
    internal TranslatorEngine? TranslatorEngine => _translator;

    /// <summary>What runs user code natively; null where nothing does.</summary>
    internal NativeUserEngine? NativeEngine => _native;

    /// <summary>Compares each block; null without it.</summary>
    internal LockstepRun? Lockstep => _lockstep;

    /// <summary>It waits where no interrupt can reach it, or does not.</summary>
    internal VcpuActivity Activity => _activity;

    /// <summary>The local APIC.</summary>
    internal LocalApic LocalApic { get; }

    /// <summary>Executes instructions that the interpreter has no handler for; null where none is announced.</summary>
    internal HostExecutor? Host { get; private set; }

    /// <summary>The state, for tests.</summary>
    internal CpuState* State => _cpu;

    /// <summary>Decoded blocks, for counters.</summary>
    internal BlockCache Blocks => _blocks;

    /// <inheritdoc/>
    public void SetCpuid(ReadOnlySpan<CpuidEntry> entries)
    {
        const int LeastPhysicalBits = 32;
        const int MostPhysicalBits = 52;
        const uint ExtendedFeatures = 0x8000_0001;
        const uint GigabytePages = 1u << 26;
        CpuidTable cpuid = _processor.Cpuid = new CpuidTable(entries);
        _mmu.PhysicalAddressBits = entries.IsEmpty ? CpuModels.PhysicalAddressBits : Math.Clamp(cpuid.MaxPhyAddr, LeastPhysicalBits, MostPhysicalBits);
        _environment = _environment with { PhysicalAddressBits = _mmu.PhysicalAddressBits };
        _mmu.GigabytePages = (cpuid.Lookup(ExtendedFeatures, 0).Edx & GigabytePages) != 0;
        HostBinder? native = _translator is not null ? new HostBinder(cpuid) : null;
        if (native is { IsEmpty: false }) native.Executor = Host ??= new HostExecutor(_cpu, _translator!.HostFaults);
        _code.Use(native);
        _translator?.Translator.Use(native);
        _code.Flush();
    }

    /// <inheritdoc/>
    public void GetState(ProcessorState state)
    {
        _exit.CompleteAccess();
        StateTransfer.Get(_cpu, state, StateTransfer.Registers & ~StateParts.Debug);
        _processor.Debugging.Get(state);
        state.ApicBase = LocalApic.ApicBase;
        state.Cr8 = LocalApic.Cr8;

        // Before the local APIC: reading the deadline advances the timer, and an expiry that nobody has noticed becomes a request.
        foreach (uint index in ModelSpecificRegisters.Transferred)
        {
            if (_processor.Msrs.TryRead(index, out ulong value)) state.Msrs[index] = value;
        }

        LocalApic.SaveState(state.LocalApic);
        state.Events = state.Events with { NmisPending = (byte)LocalApic.PendingNmis(_cpu->NmiMasked) };
        state.MpState = _activity.State;
    }

    /// <inheritdoc/>
    public HiddenVcpuState GetHiddenState() => HiddenStateTransfer.Get(_cpu, LocalApic, _processor.Msrs);

    /// <inheritdoc/>
    public void PutHiddenState(HiddenVcpuState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        HiddenStateTransfer.Put(Id, state, _cpu, LocalApic, _processor.Msrs);
        _accelerator.TimeStamps.Follow(Id, _cpu->TscOffset);
        _presence.AskForAttention();
    }

    /// <inheritdoc/>
    public void PutState(ProcessorState state, PutLevel level)
    {
        // RESET forgets NMIs, INIT and start-up IPIs that waited; a state that was read and is put back whole may not know of one that came meanwhile.
        if (level == PutLevel.Reset) LocalApic.TryTake(ApicEvents.Init | ApicEvents.StartUp | ApicEvents.Nmis);
        Put(state, level);

        // What has been written to memory where nobody notices it concerns the others too.
        _accelerator.Group.ForgetMemory(_presence);
        _parts.EntryFailure = EntryChecks.FirstFailure(state, _environment);
    }

    private void Put(ProcessorState state, PutLevel level)
    {
        _exit.DropAccess();
        StateTransfer.Put(state, _cpu, StateTransfer.Registers & ~StateParts.Debug);
        _processor.Debugging.Put(state);
        if (level >= PutLevel.Reset)
        {
            // A page without a version was never read from an APIC: the state was built, and means the APIC's own reset.
            const int VersionRegister = 0x30;
            if (state.LocalApic[VersionRegister] != 0) LocalApic.LoadState(state.LocalApic, state.ApicBase);
            else LocalApic.Reset();
            _cpu->PendingDebug = 0;
            _processor.Client.State = default;
            _processor.Bus.FollowLocalApic();
            _activity.State = state.MpState;
            LocalApic.RestoreNmis(state.Events.NmisPending);
            _presence.AskForAttention();
        }

        _activity.NoteSleep(_activity.WaitsForStartUp || (_activity.Halted && !_activity.InterruptsEnabled));

        foreach (uint index in ModelSpecificRegisters.Transferred)
        {
            bool writable = index is not (Msr.IA32_TIME_STAMP_COUNTER or Msr.IA32_TSC_DEADLINE) || level >= PutLevel.Reset;
            if (!writable || !state.Msrs.TryGetValue(index, out ulong value)) continue;
            if (index == Msr.IA32_TIME_STAMP_COUNTER) SetTsc(value);
            else if (index == Msr.IA32_TSC_ADJUST) _cpu->TscAdjust = value;
            else _processor.Msrs.TryWrite(index, value);
        }

        // The caller may have written to memory too, past what notices it.
        Forget();
        ModeChange.Apply(_cpu);
        _lockstep?.Clear();
        _translator?.HostFaults.Clear();
    }

    /// <summary>
    /// INIT: the bootstrap processor begins at the reset vector again, another one waits for a start-up IPI. The local APIC keeps its id, base
    /// and mode (SDM vol. 3, table 9-1, 11.4.7.3), and the time-stamp counter counts on. NMIs are no longer blocked, and one that waits is forgotten;
    /// a start-up IPI behind the INIT is not.
    /// </summary>
    private void TakeInit()
    {
        ProcessorState state = new();
        GetState(state);
        ResetState.ApplyInit(state, _processor.Cpuid.Lookup(1, 0).Eax);
        state.Msrs.Remove(Msr.IA32_TIME_STAMP_COUNTER);
        Put(state, PutLevel.Reset);
        LocalApic.Init();
        LocalApic.TryTake(ApicEvents.Nmis);
        _cpu->InterruptWaits = 0;
    }

    // From outside, which isn't the guest's own doing: IA32_TSC_ADJUST stays.
    private void SetTsc(ulong value)
    {
        _cpu->TscOffset = _accelerator.Vcpus > 1 ? _accelerator.TimeStamps.OffsetFor(Id, value) : (long)value - _clock.Now;
        LocalApic.OnTscChanged();
    }

    private void JoinTsc(ulong value)
    {
        _cpu->TscOffset = _accelerator.TimeStamps.Join(Id, value);
        LocalApic.OnTscChanged();
    }

    /// <inheritdoc/>
    public EntryCheckResult? EntryFailure => _parts.EntryFailure;

    /// <inheritdoc/>
    public ref VmExit Run()
    {
        _parts.CheckEntry(_environment);
        if (_processor.ParavirtualClock.IsDue) _presence.AskForAttention();
        if (EntryFailure is not null) return ref RefuseEntry();
        if (LockstepDifference is not null)
        {
            _lockstep!.Leave();
            return ref _exit.Value;
        }

        if (HostFault is not null)
        {
            _translator!.HostFaults.Leave();
            return ref _exit.Value;
        }

        try
        {
            _entry.Enter();
            _dispatcher.Run();
        }
        finally
        {
            // Should something of ours fail, the others must not wait for this one for ever.
            _mmu.Guard.EndWrite();
            _entry.Leave();
        }

        return ref _exit.Value;
    }

    private ref VmExit RefuseEntry()
    {
        _exit.Value.Reason = VmExitReason.FailEntry;
        _exit.Value.Detail = EntryRefusals.InvalidGuestState;
        return ref _exit.Value;
    }

    /// <inheritdoc/>
    public void Kick() => _waker.Kick();

    /// <inheritdoc/>
    public void NotifyExternalInterrupt(bool level) => LocalApic.SetLine(0, level);

    /// <inheritdoc/>
    public void RaiseNmi() => LocalApic.PostNmi();

    /// <inheritdoc/>
    public BlockListing ListBlock(ulong linear) => _inspection!.ListBlock(linear);

    /// <inheritdoc/>
    public bool TryTranslate(ulong gva, out ulong gpa)
    {
        _mmu.FollowSlots();
        return _mmu.TryTranslate(gva, out gpa);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _accelerator.Retire(this);
        _mmu.Guard.LeaveAll();
        _clock.Moved -= _waker.Wake;
        _events.Dispose();
        if (_native is not null) _native.Dispose();
        else _translator?.Dispose();
        _mmu.Dispose();
        _blocks.Dispose();
        Host?.Dispose();
        _code.Dispose();
        _processor.Dispose();
        _exit.Dispose();
    }

    /// <summary>Gives back what others may have written to until the machine ended: they leave requests and interrupts for a vCPU without asking whether it is there.</summary>
    internal void Release()
    {
        _waker.Dispose();
        StateMemory.Free(_cpu);
    }

    /// <summary>Forgets everything that it has derived from memory. Between blocks.</summary>
    internal void Forget()
    {
        _code.Forget();
        _mmu.Reset();
    }
}
