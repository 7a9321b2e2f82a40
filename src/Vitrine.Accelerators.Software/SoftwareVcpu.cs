using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software.Apic;
using Vitrine.Accelerators.Software.Blocks;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Lockstep;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.Sharing;
using Vitrine.Accelerators.Software.System;
using Vitrine.Accelerators.Software.Translator;
using Vitrine.Accelerators.Software.Translator.Counting;
using Vitrine.Timing;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Vitrine.X86.VmEntry;

namespace Vitrine.Accelerators.Software;

/// <summary>One vCPU of the software accelerator: the dispatcher between blocks, events and exits.</summary>
internal sealed unsafe partial class SoftwareVcpu : IVirtualCpu, IStubFaults
{
    // SAFETY: _cpu is a native allocation owned by this object and freed in Dispose; only the vCPU's thread touches it, except PollAt, to which others write zero.
    // Bounds of how many instructions run between two looks at the clock: about 100 and 2 microseconds.
    private const long LongestPoll = 20_000;
    private const long ShortestPoll = 400;
    private const long NanosecondsPerInstruction = 5;

    private static readonly EntryEnvironment s_processor = new()
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
    private readonly WakeSignal _wake = new();
    private bool _halted;
    private bool _disposed;
    private volatile bool _kicked;

    internal SoftwareVcpu(SoftwareAccelerator accelerator, int id)
    {
        _accelerator = accelerator;
        _clock = accelerator.Clock;
        Id = id;
        _cpu = StateMemory.Allocate(accelerator.Engine == SoftwareEngine.Translator ? TranslationCache.BranchesFor(accelerator.TranslationBytes) : 0);
        _cpu->Translates = accelerator.Engine == SoftwareEngine.Translator;
        _exit = new VcpuExit(_cpu);
        _presence = new VcpuPresence(_cpu, id, accelerator.Group);
        _blocks = new BlockCache(accelerator.CodeArenaBytes);
        _cpu->JumpCache = _blocks.Jumps;
        if (accelerator.Engine == SoftwareEngine.Translator)
        {
            _translations = new TranslationCache(_cpu, accelerator.TranslationBytes, accelerator.Statistics);
            _translator = new BlockTranslator(_translations, accelerator.Lockstep, accelerator.Vcpus > 1, accelerator.Statistics);
            _blocks.Attach(_translations);
            _timer = new DeadlineTimer(_clock, Wake);
            if (accelerator.Lockstep)
            {
                _trail = new Trail();
                _overlay = new WriteOverlay();
                _watch = new WriteWatch();
                _flagEffects = new FlagEffects();
            }
        }

        if (accelerator.Statistics) _profile = new InterpreterProfile();
        _cpu->SystemFlags = Rflags.Fixed;
        LocalApic = new LocalApic((uint)id, new ApicClock(_cpu, _clock), Wake, accelerator.Interrupts);
        Bus bus = new(_cpu, _exit, LocalApic);
        _mmu = new SoftMmu(_cpu, _presence, accelerator.Group, bus, _blocks, accelerator.Slots, accelerator.Mmu);
        _processor = new Processor(_cpu, _mmu, bus, LocalApic, _presence, _clock);
        _code = new CodeFinder(_cpu, _mmu, _blocks);
        if (Lockstep)
        {
            _memoryComparison = new MemoryComparison(_overlay!, _watch!);
            _mmu.WatchWrites(_watch!);
        }

        // Its time-stamp counter joins those of the others when the machine puts a state; until then it has one of its own.
        ProcessorState state = ResetState.Create(id, 0);
        state.Msrs.Remove(Msr.IA32_TIME_STAMP_COUNTER);
        _cpu->TscOffset = -_clock.Now;
        Put(state, PutLevel.Full);
        _clock.Moved += Wake;
    }

    /// <inheritdoc/>
    public int Id { get; }

    /// <inheritdoc/>
    public uint TscKilohertz => GuestClock.TscKilohertz;

    /// <inheritdoc/>
    public uint ApicTimerKilohertz => GuestClock.ApicTimerKilohertz;

    /// <inheritdoc/>
    public IReadOnlyList<CpuidEntry> SupportedCpuid => _accelerator.Engine == SoftwareEngine.Translator ? HostProcessor.Cpuid : [];

    /// <inheritdoc/>
    public ulong InstructionsExecuted => Volatile.Read(ref _cpu->Instructions) + CounterValue(TranslationCounter.Instructions);

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
    IMmuInspection? IVirtualCpu.Mmu => _mmu;

    /// <summary>The MMU, for slow paths and instructions that change translations.</summary>
    internal SoftMmu Mmu => _mmu;

    /// <summary>What instructions of the system reach.</summary>
    internal Processor Processor => _processor;

    /// <summary>From RIP to operations.</summary>
    internal CodeFinder Code => _code;

    /// <summary>The vCPU as the others see it.</summary>
    internal VcpuPresence Presence => _presence;

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
        const uint ExtendedFeatures = 0x8000_0001;
        const uint GigabytePages = 1u << 26;
        CpuidTable cpuid = _processor.Cpuid = new CpuidTable(entries);
        _mmu.GigabytePages = (cpuid.Lookup(ExtendedFeatures, 0).Edx & GigabytePages) != 0;
        HostBinder? native = _accelerator.Engine == SoftwareEngine.Translator ? new HostBinder(cpuid) : null;
        if (native is { IsEmpty: false }) native.Executor = Host ??= new HostExecutor(_cpu, this);
        _code.Use(native);
        _translator?.Use(native);
        _code.Flush();
    }

    /// <inheritdoc/>
    public void GetState(ProcessorState state)
    {
        _exit.CompleteAccess();
        StateTransfer.Get(_cpu, state);
        state.ApicBase = LocalApic.ApicBase;
        state.Cr8 = LocalApic.Cr8;
        LocalApic.SaveState(state.LocalApic);
        state.Events = state.Events with { NmisPending = (byte)LocalApic.PendingNmis(_cpu->NmiMasked) };
        state.MpState = WaitsForStartUp ? _start : _halted ? MpState.Halted : MpState.Runnable;
        foreach (uint index in ModelSpecificRegisters.Transferred)
        {
            if (_processor.Msrs.TryRead(index, out ulong value)) state.Msrs[index] = value;
        }
    }

    /// <inheritdoc/>
    public void PutState(ProcessorState state, PutLevel level)
    {
        // RESET forgets NMIs, INIT and start-up IPIs that waited; a state that was read and is put back whole may not know of one that came meanwhile.
        if (level == PutLevel.Reset) LocalApic.TryTake(ApicEvents.Init | ApicEvents.StartUp | ApicEvents.Nmis);
        Put(state, level);

        // What has been written to memory where nobody notices it concerns the others too.
        _accelerator.Group.ForgetMemory(_presence);
        EntryFailure = EntryChecks.FirstFailure(state, s_processor);
    }

    private void Put(ProcessorState state, PutLevel level)
    {
        _exit.CompleteAccess();
        _cpu->Replay.Count = 0;
        StateTransfer.Put(state, _cpu);
        if (level >= PutLevel.Reset)
        {
            // A page without a version was never read from an APIC: the state was built, and means the APIC's own reset.
            const int VersionRegister = 0x30;
            if (state.LocalApic[VersionRegister] != 0) LocalApic.LoadState(state.LocalApic, state.ApicBase);
            else LocalApic.Reset();
            _cpu->PendingDebug = 0;
            _processor.Bus.FollowLocalApic();
            _halted = state.MpState == MpState.Halted;
            _start = state.MpState is MpState.Uninitialized or MpState.InitReceived ? state.MpState : MpState.Runnable;
            LocalApic.RestoreNmis(state.Events.NmisPending);
            _presence.AskForAttention();
        }

        NoteSleep(WaitsForStartUp || (_halted && !InterruptsEnabled));

        foreach (uint index in ModelSpecificRegisters.Transferred)
        {
            bool writable = index is not (Msr.IA32_TIME_STAMP_COUNTER or Msr.IA32_TSC_DEADLINE) || level >= PutLevel.Reset;
            if (!writable || !state.Msrs.TryGetValue(index, out ulong value)) continue;
            if (index == Msr.IA32_TIME_STAMP_COUNTER) SetTsc(value);
            else if (index == Msr.IA32_TSC_ADJUST) _cpu->TscAdjust = value;
            else _processor.Msrs.TryWrite(index, value);
        }

        _code.Flush();

        // Whoever puts a state may have written to memory too, where nobody notices it.
        _mmu.Reset();
        ModeChange.Apply(_cpu);
        LockstepDifference = null;
        HostFault = null;
    }

    // From outside, which isn't the guest's own doing: IA32_TSC_ADJUST stays.
    private void SetTsc(ulong value)
    {
        _cpu->TscOffset = _accelerator.Vcpus > 1 ? _accelerator.TimeStamps.OffsetFor(Id, value) : (long)value - _clock.Now;
        LocalApic.OnTscChanged();
    }

    /// <inheritdoc/>
    public EntryCheckResult? EntryFailure { get; private set; }

    /// <inheritdoc/>
    public ref VmExit Run()
    {
        if (EntryFailure is not null) return ref RefuseEntry();
        if (LockstepDifference is not null)
        {
            ExitForDifference();
            return ref _exit.Value;
        }

        if (HostFault is not null)
        {
            ExitForHostFault();
            return ref _exit.Value;
        }

        try
        {
            EnterGuest();
            RunUntilExit();
        }
        finally
        {
            // Should something of ours fail, the others must not wait for this one for ever.
            _mmu.Guard.EndWrite();
            _presence.Leave();
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
    public void Kick()
    {
        _kicked = true;
        Wake();
    }

    /// <inheritdoc/>
    public void NotifyExternalInterrupt(bool level) => LocalApic.SetLine(0, level);

    /// <inheritdoc/>
    public void RaiseNmi() => LocalApic.PostNmi();

    /// <inheritdoc/>
    public bool TryTranslate(ulong gva, out ulong gpa) => _mmu.TryTranslate(gva, out gpa);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _clock.Moved -= Wake;
        _timer?.Dispose();
        _translator?.Dispose();
        _translations?.Dispose();
        _mmu.Dispose();
        _wake.Dispose();
        _blocks.Dispose();
        Host?.Dispose();
        _code.Dispose();
        _processor.Dispose();
        _exit.Dispose();
        StateMemory.Free(_cpu);
    }

    /// <summary>The slots have changed. The vCPU must not be running.</summary>
    internal void ReloadSlots()
    {
        _code.Flush();
        _mmu.ReloadSlots(_accelerator.Slots);
    }
}
