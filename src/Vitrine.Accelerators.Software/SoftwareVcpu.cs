using System.Runtime.InteropServices;
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
internal sealed unsafe partial class SoftwareVcpu : IVirtualCpu
{
    // SAFETY: _cpu, _data and _single are native allocations owned by this object and freed in Dispose; only the vCPU's thread
    // touches them, except PollAt, to which others write zero.
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
    private readonly byte* _data;
    private readonly Block* _single;
    private readonly GCHandle _self;
    private readonly SoftwareAccelerator _accelerator;
    private readonly MachineClock _clock;
    private readonly BlockCache _blocks;
    private readonly BlockBuilder _builder = new();
    private readonly Bus _bus;
    private readonly SoftMmu _mmu;
    private VmExit _exit;
    private readonly WakeSignal _wake = new();
    private CpuidTable _cpuid = new([]);
    private bool _accessPending;
    private bool _halted;
    private bool _disposed;
    private volatile bool _kicked;
    private volatile int _flushesWanted;
    private volatile int _flushesDone;

    internal SoftwareVcpu(SoftwareAccelerator accelerator, int id)
    {
        _accelerator = accelerator;
        _clock = accelerator.Clock;
        Id = id;
        _exclusive = accelerator.Exclusive;
        _requests = accelerator.Vcpus > 1 ? new PageRequests() : null;
        _cpu = StateMemory.Allocate(accelerator.Engine == SoftwareEngine.Translator ? TranslationCache.BranchesFor(accelerator.TranslationBytes) : 0);
        _data = (byte*)NativeMemory.AllocZeroed(64);
        _single = (Block*)NativeMemory.AllocZeroed((nuint)(sizeof(Block) + (2 * sizeof(Op))));
        _self = GCHandle.Alloc(this);
        _cpu->Owner = GCHandle.ToIntPtr(_self);
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
        _bus = new Bus(this, _cpu);
        _mmu = new SoftMmu(_cpu, id, accelerator, _bus, _blocks);
        if (Lockstep)
        {
            _memoryComparison = new MemoryComparison(_overlay!, _watch!);
            _mmu.WatchWrites(_watch!);
        }

        LocalApic = new LocalApic((uint)id, new ApicClock(_cpu, _clock), Wake, accelerator.Interrupts);
        LocalApicPage = LocalApic.PageAddress;
        Msrs = new ModelSpecificRegisters(_cpu, this);

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

    /// <summary>Ports and device memory.</summary>
    internal Bus Bus => _bus;

    /// <summary>The local APIC.</summary>
    internal LocalApic LocalApic { get; }

    /// <summary>RDMSR and WRMSR.</summary>
    internal ModelSpecificRegisters Msrs { get; }

    /// <summary>Executes instructions that the interpreter has no handler for; null where none is announced.</summary>
    internal HostExecutor? Host { get; private set; }

    /// <summary>The state, for tests.</summary>
    internal CpuState* State => _cpu;

    /// <summary>Decoded blocks, for counters.</summary>
    internal BlockCache Blocks => _blocks;

    /// <summary>Guest-physical page of the local APIC's registers; ulong.MaxValue when they are not mapped (disabled or x2APIC).</summary>
    internal ulong LocalApicPage { get; set; } = ulong.MaxValue;

    /// <inheritdoc/>
    public void SetCpuid(ReadOnlySpan<CpuidEntry> entries)
    {
        const uint ExtendedFeatures = 0x8000_0001;
        const uint GigabytePages = 1u << 26;
        _cpuid = new CpuidTable(entries);
        _mmu.GigabytePages = (_cpuid.Lookup(ExtendedFeatures, 0).Edx & GigabytePages) != 0;
        HostBinder? native = _accelerator.Engine == SoftwareEngine.Translator ? new HostBinder(_cpuid) : null;
        if (native is { IsEmpty: false }) Host ??= new HostExecutor();
        _builder.Use(native, Host);
        _translator?.Use(native);
        FlushCode();
    }

    /// <inheritdoc/>
    public void GetState(ProcessorState state)
    {
        CompleteAccess();
        StateTransfer.Get(_cpu, state);
        state.ApicBase = LocalApic.ApicBase;
        state.Cr8 = LocalApic.Cr8;
        LocalApic.SaveState(state.LocalApic);
        state.Events = state.Events with { NmisPending = (byte)LocalApic.PendingNmis(_cpu->NmiMasked) };
        state.MpState = WaitsForStartUp ? _start : _halted ? MpState.Halted : MpState.Runnable;
        foreach (uint index in ModelSpecificRegisters.Transferred)
        {
            if (Msrs.TryRead(index, out ulong value)) state.Msrs[index] = value;
        }
    }

    /// <inheritdoc/>
    public void PutState(ProcessorState state, PutLevel level)
    {
        // RESET forgets NMIs, INIT and start-up IPIs that waited; a state that was read and is put back whole may not know of one that came meanwhile.
        if (level == PutLevel.Reset) LocalApic.TryTake(ApicEvents.Init | ApicEvents.StartUp | ApicEvents.Nmis);
        Put(state, level);

        // What has been written to memory where nobody notices it concerns the others too.
        _accelerator.ForgetMemory(this);
        EntryFailure = EntryChecks.FirstFailure(state, s_processor);
    }

    private void Put(ProcessorState state, PutLevel level)
    {
        CompleteAccess();
        _cpu->Replay.Count = 0;
        StateTransfer.Put(state, _cpu);
        if (level >= PutLevel.Reset)
        {
            // A page without a version was never read from an APIC: the state was built, and means the APIC's own reset.
            const int VersionRegister = 0x30;
            if (state.LocalApic[VersionRegister] != 0) LocalApic.LoadState(state.LocalApic, state.ApicBase);
            else LocalApic.Reset();
            _cpu->PendingDebug = 0;
            LocalApicPage = LocalApic.IsMmioEnabled ? LocalApic.PageAddress : ulong.MaxValue;
            _halted = state.MpState == MpState.Halted;
            _start = state.MpState is MpState.Uninitialized or MpState.InitReceived ? state.MpState : MpState.Runnable;
            LocalApic.RestoreNmis(state.Events.NmisPending);
            AskForAttention();
        }

        NoteSleep(WaitsForStartUp || (_halted && !InterruptsEnabled));

        foreach (uint index in ModelSpecificRegisters.Transferred)
        {
            bool writable = index is not (Msr.IA32_TIME_STAMP_COUNTER or Msr.IA32_TSC_DEADLINE) || level >= PutLevel.Reset;
            if (!writable || !state.Msrs.TryGetValue(index, out ulong value)) continue;
            if (index == Msr.IA32_TIME_STAMP_COUNTER) SetTsc(value);
            else if (index == Msr.IA32_TSC_ADJUST) _cpu->TscAdjust = value;
            else Msrs.TryWrite(index, value);
        }

        FlushCode();

        // Whoever puts a state may have written to memory too, where nobody notices it.
        _mmu.Reset();
        CpuModes.Refresh(_cpu);
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
            return ref _exit;
        }

        if (HostFault is not null)
        {
            ExitForHostFault();
            return ref _exit;
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
            LeaveGuest();
        }

        return ref _exit;
    }

    private ref VmExit RefuseEntry()
    {
        _exit.Reason = VmExitReason.FailEntry;
        _exit.Detail = EntryRefusals.InvalidGuestState;
        return ref _exit;
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
        NativeMemory.Free(_single);
        NativeMemory.Free(_data);
        _self.Free();
        StateMemory.Free(_cpu);
    }

    /// <summary>What the processor has, as CPUID announces it when nothing is switched off (SDM vol. 2, CPUID).</summary>
    internal CpuidEntry Cpuid(uint leaf, uint subleaf) => _cpuid.Lookup(leaf, subleaf);

    /// <summary>As <see cref="Cpuid"/>, with leaves beyond a limit missing.</summary>
    internal CpuidEntry LimitedCpuid(uint leaf, uint subleaf, uint highestBasic) => _cpuid.Lookup(leaf, subleaf, highestBasic);

    /// <summary>The time-stamp counter as the guest sees it.</summary>
    internal ulong ReadTsc() => (ulong)(_clock.Now + _cpu->TscOffset);

    /// <summary>Prepares a port exit.</summary>
    internal void ExitForPort(ushort port, int size, bool isWrite, uint value)
    {
        _exit.Reason = VmExitReason.PortIo;
        _exit.Port = port;
        ExitForAccess(size, isWrite, value);
    }

    /// <summary>Prepares an exit for device memory.</summary>
    internal void ExitForMemory(ulong gpa, int size, bool isWrite, ulong value)
    {
        _exit.Reason = VmExitReason.Mmio;
        _exit.Address = gpa;
        ExitForAccess(size, isWrite, value);
    }

    /// <summary>Reads a register of the local APIC.</summary>
    internal ulong ReadLocalApic(uint offset, int size) => LocalApic.Read(offset);

    /// <summary>Writes a register of the local APIC.</summary>
    internal void WriteLocalApic(uint offset, int size, ulong value)
    {
        LocalApic.Write(offset, (uint)value);
        Volatile.Write(ref _cpu->PollAt, 0);
    }

    /// <summary>Asks the vCPU to drop its translations, so that it notes writes again. Any thread.</summary>
    /// <returns>What <see cref="WaitForFlush"/> waits for.</returns>
    internal int AskForFlush()
    {
        int ticket = Interlocked.Increment(ref _flushesWanted);
        AskForAttention();
        return ticket;
    }

    /// <summary>
    /// Waits until the vCPU has done what <see cref="AskForFlush"/> asked for, or stands, where it will do it before it goes on. Any thread;
    /// that of a vCPU only while it isn't in <see cref="Run"/>.
    /// </summary>
    internal void WaitForFlush(int ticket)
    {
        Interlocked.MemoryBarrier();
        SpinWait spin = default;
        while (_running && _flushesDone - ticket < 0) spin.SpinOnce();
    }

    /// <summary>The slots have changed. The vCPU must not be running.</summary>
    internal void ReloadSlots()
    {
        FlushCode();
        _mmu.ReloadSlots();
    }

    private void ExitForAccess(int size, bool isWrite, ulong value)
    {
        _exit.Size = size;
        _exit.Count = 1;
        _exit.IsWrite = isWrite;
        *(ulong*)_data = value;
        _exit.SetData(_data, size);
        _cpu->Leave = LeaveReason.Exit;
        _accessPending = true;
    }

    /// <summary>Enters the answer of the last exit into the replay log.</summary>
    /// <returns>True when the interrupted instruction has to run again before anything else.</returns>
    private bool CompleteAccess()
    {
        ref ReplayLog log = ref _cpu->Replay;
        if (_accessPending)
        {
            _accessPending = false;
            if (log.Count < ReplayLog.Capacity) log.Data[log.Count++] = *(ulong*)_data;
        }

        log.Cursor = 0;
        return log.Count > 0 && log.Instruction == _cpu->Instructions + 1;
    }
}
