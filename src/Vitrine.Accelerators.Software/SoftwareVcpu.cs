using System.Runtime.InteropServices;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software.Decode;
using Vitrine.Accelerators.Software.Helpers;
using Vitrine.Accelerators.Software.Irq;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.State;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Vitrine.X86.VmEntry;

namespace Vitrine.Accelerators.Software;

/// <summary>One vCPU of the software accelerator: the dispatcher between blocks, events and exits.</summary>
internal sealed unsafe class SoftwareVcpu : IVirtualCpu
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
    private readonly BlockCache _blocks;
    private readonly BlockBuilder _builder = new();
    private readonly Bus _bus;
    private readonly SoftMmu _mmu;
    private VmExit _exit;
    private readonly WakeSignal _wake = new();
    private CpuidTable _cpuid = new([]);
    private bool _accessPending;
    private bool _halted;
    private bool _interruptWaits;
    private bool _disposed;
    private volatile bool _kicked;
    private volatile int _flushesWanted;
    private volatile int _flushesDone;
    private volatile bool _running;

    internal SoftwareVcpu(SoftwareAccelerator accelerator, int id)
    {
        _accelerator = accelerator;
        Id = id;
        _cpu = (CpuState*)NativeMemory.AlignedAlloc((nuint)sizeof(CpuState), 64);
        NativeMemory.Clear(_cpu, (nuint)sizeof(CpuState));
        _data = (byte*)NativeMemory.AllocZeroed(64);
        _single = (Block*)NativeMemory.AllocZeroed((nuint)(sizeof(Block) + (2 * sizeof(Op))));
        _self = GCHandle.Alloc(this);
        _cpu->Owner = GCHandle.ToIntPtr(_self);
        _blocks = new BlockCache(accelerator.CodeArenaBytes);
        _cpu->JumpCache = _blocks.Jumps;
        _cpu->SystemFlags = Rflags.Fixed;
        _bus = new Bus(this, _cpu);
        _mmu = new SoftMmu(_cpu, accelerator, _bus, _blocks);
        LocalApic = new LocalApic((uint)id, new ApicClock(_cpu), Wake);
        LocalApicPage = LocalApic.PageAddress;
        Msrs = new ModelSpecificRegisters(_cpu, this);
        PutState(ResetState.Create(id, 0), PutLevel.Full);
    }

    /// <inheritdoc/>
    public int Id { get; }

    /// <inheritdoc/>
    public uint TscKilohertz => GuestClock.TscKilohertz;

    /// <inheritdoc/>
    public uint ApicTimerKilohertz => GuestClock.ApicTimerKilohertz;

    /// <inheritdoc/>
    public IReadOnlyList<CpuidEntry> SupportedCpuid => [];

    /// <inheritdoc/>
    public ulong InstructionsExecuted => Volatile.Read(ref _cpu->Instructions);

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
    }

    /// <inheritdoc/>
    public void GetState(ProcessorState state)
    {
        CompleteAccess();
        StateTransfer.Get(_cpu, state);
        state.ApicBase = LocalApic.ApicBase;
        state.Cr8 = LocalApic.Cr8;
        LocalApic.SaveState(state.LocalApic);
        state.MpState = _halted ? MpState.Halted : MpState.Runnable;
        foreach (uint index in ModelSpecificRegisters.Transferred)
        {
            if (Msrs.TryRead(index, out ulong value)) state.Msrs[index] = value;
        }
    }

    /// <inheritdoc/>
    public void PutState(ProcessorState state, PutLevel level)
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
            LocalApicPage = LocalApic.IsMmioEnabled ? LocalApic.PageAddress : ulong.MaxValue;
            _halted = state.MpState == MpState.Halted;
        }

        foreach (uint index in ModelSpecificRegisters.Transferred)
        {
            bool writable = index is not (Msr.IA32_TIME_STAMP_COUNTER or Msr.IA32_TSC_DEADLINE) || level >= PutLevel.Reset;
            if (writable && state.Msrs.TryGetValue(index, out ulong value)) Msrs.TryWrite(index, value);
        }

        FlushCode();

        // Whoever puts a state may have written to memory too, where nobody notices it.
        _mmu.Reset();
        CpuModes.Refresh(_cpu);
        EntryFailure = EntryChecks.FirstFailure(state, s_processor);
    }

    /// <inheritdoc/>
    public EntryCheckResult? EntryFailure { get; private set; }

    /// <inheritdoc/>
    public ref VmExit Run()
    {
        if (EntryFailure is not null) return ref RefuseEntry();
        _running = true;
        Interlocked.MemoryBarrier();
        if (_flushesWanted != _flushesDone) AnswerFlush();
        RunUntilExit();
        _running = false;
        return ref _exit;
    }

    private ref VmExit RefuseEntry()
    {
        _exit.Reason = VmExitReason.FailEntry;
        _exit.Detail = EntryRefusals.InvalidGuestState;
        return ref _exit;
    }

    private void RunUntilExit()
    {
        // Accesses that user space has answered are part of an instruction that must finish before anything interrupts it.
        bool finishing = CompleteAccess();
        while (true)
        {
            if (!finishing)
            {
                if (_halted && !WaitForInterrupt()) return;
                if ((_cpu->Instructions >= _cpu->PollAt || (_interruptWaits && InterruptsEnabled)) && !ProcessEvents()) return;
            }

            finishing = false;
            bool alive = NeedsSteps() ? RunOne() && !LeaveForStep() : RunBlocks();
            if (!alive) return;
        }
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
        _mmu.Dispose();
        _wake.Dispose();
        _blocks.Dispose();
        NativeMemory.Free(_single);
        NativeMemory.Free(_data);
        _self.Free();
        NativeMemory.AlignedFree(_cpu);
    }

    /// <summary>The first operation of the block at a RIP, decoded if need be.</summary>
    /// <returns>Null when a fault is recorded; RIP is then that of the instruction that can't be fetched.</returns>
    internal Op* Find(ulong rip)
    {
        _cpu->Rip = rip;
        _cpu->Leave = LeaveReason.NextBlock;
        JumpCacheEntry* entry = JumpCache.EntryFor(_cpu, rip);
        if (entry->Rip == rip && entry->Tag == _cpu->CodeTag && !Block.Of(entry->First)->Dropped) return entry->First;
        if (!TryLocate(rip, out ulong linear, out ulong gpa)) return null;
        byte* host = _mmu.HostFor(gpa, 1, out _);
        Block* block = host == null ? null : _blocks.Find(host, _cpu->Mode);
        if (block == null && host != null) block = Decode(host);
        if (block == null || !IsInCodeSegment(rip, block->Bytes)) return DecodeSingle(linear, gpa) ? Block.Ops(_single) : null;

        entry->Rip = rip;
        entry->Tag = _cpu->CodeTag;
        entry->First = Block.Ops(block);
        return entry->First;
    }

    /// <summary>CPUID (SDM vol. 2).</summary>
    internal CpuidEntry Cpuid(uint leaf, uint subleaf) => _cpuid.Lookup(leaf, subleaf);

    /// <summary>The time-stamp counter as the guest sees it.</summary>
    internal ulong ReadTsc() => (ulong)(GuestClock.TscTicks() + _cpu->TscOffset);

    /// <summary>Sets the time-stamp counter.</summary>
    internal void WriteTsc(ulong value) => _cpu->TscOffset = (long)value - GuestClock.TscTicks();

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

    /// <summary>
    /// Makes the vCPU drop its translations, so that it notes writes again, and waits until it has. Any thread; the vCPU's
    /// own only while it isn't in <see cref="Run"/>.
    /// </summary>
    internal void FlushAndWait()
    {
        int ticket = Interlocked.Increment(ref _flushesWanted);
        Wake();
        Interlocked.MemoryBarrier();
        SpinWait spin = default;
        while (_running && _flushesDone - ticket < 0) spin.SpinOnce();
    }

    /// <summary>Delivers an interrupt message to the local APIC. Any thread.</summary>
    internal void DeliverMessage(ulong address, uint data) => LocalApic.DeliverMessage(address, data);

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

    private bool InterruptsEnabled => (_cpu->SystemFlags & Rflags.IF) != 0;

    /// <summary>Runs blocks until something needs the dispatcher.</summary>
    /// <returns>False when the exit is filled in.</returns>
    private bool RunBlocks()
    {
        // Whatever loads CS comes back here before anything is looked up by RIP.
        if ((_cpu->Mode & ExecutionMode.Code64) == 0) _mmu.FollowCodeSegment();
        Op* op = Find(_cpu->Rip);
        if (op != null) Execute(op);
        return _cpu->Leave switch
        {
            LeaveReason.NextBlock => true,
            LeaveReason.Fault => DeliverFault(),
            LeaveReason.Halt => _halted = true,
            LeaveReason.DebugTrap => InterruptDelivery.DeliverDebugTrap(_cpu) || ShutDown(),
            LeaveReason.Shutdown => ShutDown(),
            _ => false,
        };
    }

    /// <summary>Runs one instruction, with everything that single step, breakpoints and interrupt shadows ask for around it.</summary>
    /// <returns>False when the exit is filled in.</returns>
    private bool RunOne()
    {
        // The end of the one-instruction block must come back here.
        Volatile.Write(ref _cpu->PollAt, 0);
        if (SingleStep && !GuestNeedsSteps()) return RunBlocks();
        ulong flags = _cpu->SystemFlags;
        uint shadow = _cpu->InterruptShadow;
        if (DebugEvents.HasInstructionBreakpoint(_cpu, LinearRip())) return InterruptDelivery.DeliverDebugTrap(_cpu) || ShutDown();
        _cpu->InterruptShadow = 0;
        Op* op = FindSingle();
        if (op != null) Execute(op);
        switch (_cpu->Leave)
        {
            case LeaveReason.NextBlock:
            case LeaveReason.Halt:
                bool halt = _cpu->Leave == LeaveReason.Halt;
                bool trap = DebugEvents.IsTrapDue(_cpu, flags);

                // A debug trap behind HLT ends the wait before it began.
                _halted = halt && !trap;
                return !trap || InterruptDelivery.DeliverDebugTrap(_cpu) || ShutDown();
            case LeaveReason.Fault:
                DebugEvents.Discard(_cpu);
                return DeliverFault();
            case LeaveReason.Exit:
                // A bus access: the same instruction runs again, under the same shadow.
                _cpu->InterruptShadow = shadow;
                DebugEvents.Discard(_cpu);
                return false;
            case LeaveReason.DebugTrap:
                return InterruptDelivery.DeliverDebugTrap(_cpu) || ShutDown();
            default:
                return ShutDown();
        }
    }

    private bool DeliverFault()
    {
        // The faulting instruction was not counted: without this the handler's first one would find its accesses in the log.
        _cpu->Replay.Count = 0;
        return InterruptDelivery.DeliverException(_cpu) || ShutDown();
    }

    private void Execute(Op* op)
    {
        _cpu->BlockRip = _cpu->Rip;
        do
        {
            op = op->Handler(_cpu, op);
        }
        while (op != null);
    }

    private bool NeedsSteps() => SingleStep || GuestNeedsSteps();

    private bool GuestNeedsSteps()
    {
        if (_cpu->InterruptShadow != 0 || _cpu->PendingDebug != 0) return true;
        if (!DebugEvents.NeedsStepping(_cpu)) return false;

        // RF alone only holds back instruction breakpoints: without any it may as well go now.
        if ((_cpu->SystemFlags & Rflags.TF) != 0 || (_cpu->Dr7 & Dr7.EnableMask) != 0) return true;
        _cpu->SystemFlags &= ~Rflags.RF;
        return false;
    }

    /// <summary>An instruction has completed, or an event was delivered: that is a step, if steps are wanted.</summary>
    /// <returns>True when the exit is filled in.</returns>
    private bool LeaveForStep()
    {
        if (!SingleStep) return false;
        _exit.Reason = VmExitReason.Debug;
        _exit.Address = LinearRip();
        _exit.Detail = 0;

        // The look at events that this one was, or cut short, comes before whatever runs next.
        Volatile.Write(ref _cpu->PollAt, 0);
        return true;
    }

    private bool ShutDown()
    {
        _exit.Reason = VmExitReason.Shutdown;
        return false;
    }

    private void Wake()
    {
        Volatile.Write(ref _cpu->PollAt, 0);
        _wake.Signal();
    }

    /// <summary>Looks at everything that other threads and the clock may have brought.</summary>
    /// <returns>False when the exit is filled in.</returns>
    private bool ProcessEvents()
    {
        // First, so that a request that comes while we look is not overwritten.
        // The exchange is a full barrier: no flag below is read before it.
        Interlocked.Exchange(ref _cpu->PollAt, _cpu->Instructions + (ulong)LongestPoll);
        if (_flushesWanted != _flushesDone) AnswerFlush();
        if (_kicked)
        {
            _kicked = false;
            _exit.Reason = VmExitReason.Interrupted;
            return false;
        }

        long now = GuestClock.Nanoseconds();
        LocalApic.Advance(now);
        if (LocalApic.TryTakeEoiBroadcast(out byte ended))
        {
            Volatile.Write(ref _cpu->PollAt, 0);
            _exit.Reason = VmExitReason.IoapicEoi;
            _exit.Vector = ended;
            return false;
        }

        return DeliverEvents() && PlanPoll(now);
    }

    private bool DeliverEvents()
    {
        if (LocalApic.TryTake(ApicEvents.Init)) TakeInit();
        bool open = _cpu->InterruptShadow == 0;
        if (open && !_cpu->NmiMasked && LocalApic.TryTake(ApicEvents.Nmi))
        {
            _halted = false;
            if (!InterruptDelivery.DeliverNmi(_cpu)) return ShutDown();
            if (LeaveForStep()) return false;
        }

        bool local = LocalApic.HasDeliverableInterrupt(out _);
        bool external = !local && LocalApic.HasExternalInterrupt;
        _interruptWaits = local || external;
        if (!_interruptWaits || !open || !InterruptsEnabled) return true;
        byte vector = local ? LocalApic.Acknowledge() : _accelerator.ExternalInterrupts!.Acknowledge();
        _halted = false;
        if (!InterruptDelivery.DeliverInterrupt(_cpu, vector)) return ShutDown();
        _interruptWaits = LocalApic.HasDeliverableInterrupt(out _) || LocalApic.HasExternalInterrupt;
        return !LeaveForStep();
    }

    /// <summary>The next look at the clock: sooner when the APIC's timer is about to expire.</summary>
    private bool PlanPoll(long now)
    {
        long deadline = LocalApic.NextDeadline;
        if (deadline == long.MaxValue) return true;
        ulong instructions = (ulong)Math.Clamp((deadline - now) / NanosecondsPerInstruction, ShortestPoll, LongestPoll);
        ulong planned = _cpu->Instructions + instructions;

        // Only shorten it: zero is somebody's request, which may come at this moment.
        ulong present = Volatile.Read(ref _cpu->PollAt);
        if (planned < present) Interlocked.CompareExchange(ref _cpu->PollAt, planned, present);
        return true;
    }

    /// <summary>HLT: until an interrupt that can be delivered.</summary>
    /// <returns>False when the exit is filled in; the vCPU stays halted.</returns>
    private bool WaitForInterrupt()
    {
        while (true)
        {
            long now = GuestClock.Nanoseconds();
            LocalApic.Advance(now);
            bool interrupt = LocalApic.HasDeliverableInterrupt(out _) || LocalApic.HasExternalInterrupt;
            ApicEvents events = LocalApic.PendingEvents & (ApicEvents.Nmi | ApicEvents.Init);
            if (_cpu->NmiMasked) events &= ~ApicEvents.Nmi;
            if ((interrupt && InterruptsEnabled) || events != ApicEvents.None)
            {
                _halted = false;
                Volatile.Write(ref _cpu->PollAt, 0);
                return true;
            }

            if (_kicked || _flushesWanted != _flushesDone)
            {
                if (!ProcessEvents()) return false;
                continue;
            }

            if (!InterruptsEnabled)
            {
                _exit.Reason = VmExitReason.HaltForever;
                return false;
            }

            long deadline = LocalApic.NextDeadline;
            _wake.Wait(deadline == long.MaxValue ? long.MaxValue : deadline - now);
        }
    }

    /// <summary>INIT to the bootstrap processor: the reset vector again (SDM vol. 3, 10.1.1).</summary>
    private void TakeInit()
    {
        ProcessorState state = new();
        GetState(state);
        ResetState.ApplyInit(state, _cpuid.Lookup(1, 0).Eax);
        PutState(state, PutLevel.Reset);
    }

    private ulong LinearRip() =>
        (_cpu->Mode & ExecutionMode.Code64) != 0 ? _cpu->Rip : (uint)(_cpu->Segments[Seg.Cs].Base + _cpu->Rip);

    private Op* FindSingle()
    {
        _cpu->Leave = LeaveReason.NextBlock;
        if (!TryLocate(_cpu->Rip, out ulong linear, out ulong gpa)) return null;
        return DecodeSingle(linear, gpa) ? Block.Ops(_single) : null;
    }

    private void AnswerFlush()
    {
        // A request that comes during the flush has a later number and asks for another one.
        int wanted = _flushesWanted;
        _mmu.FlushTlb();
        _flushesDone = wanted;
    }

    private bool TryLocate(ulong rip, out ulong linear, out ulong gpa)
    {
        linear = rip;
        gpa = 0;
        if ((_cpu->Mode & ExecutionMode.Code64) == 0)
        {
            ref SegmentCache cs = ref _cpu->Segments[Seg.Cs];
            if (rip > cs.Limit)
            {
                _cpu->SetFault(ExceptionVector.GP, 0);
                return false;
            }

            linear = (uint)(cs.Base + rip);
        }

        return _mmu.TryFetch(linear, out gpa);
    }

    /// <summary>False when a block reaches beyond the limit of CS, which must be checked for each of its instructions then.</summary>
    private bool IsInCodeSegment(ulong rip, int bytes) =>
        (_cpu->Mode & ExecutionMode.Code64) != 0 || rip + (ulong)bytes - 1 <= _cpu->Segments[Seg.Cs].Limit;

    /// <summary>Decodes the block at a host address. Null when not even its first instruction ends in the page.</summary>
    private Block* Decode(byte* host)
    {
        Block* block = _blocks.Allocate(BlockBuilder.MaxOperations);
        if (block == null)
        {
            FlushCode();
            block = _blocks.Allocate(BlockBuilder.MaxOperations);
        }

        int offset = (int)((ulong)host & 0xFFF);
        int limit = SingleStep ? 1 : BlockBuilder.MaxOperations;
        if (!_builder.Build(host, 0x1000 - offset, offset, _cpu->Mode, limit, block)) return null;
        block->Host = host;
        bool known = _blocks.HasCode(host);
        _blocks.Commit(block);
        if (!known) _mmu.MarkCode(host);
        return block;
    }

    /// <summary>
    /// Decodes one instruction that runs once: one that crosses a page, lies outside memory (where a bus that nobody answers
    /// reads all ones) or at the end of CS, or is followed by an event.
    /// </summary>
    private bool DecodeSingle(ulong linear, ulong gpa)
    {
        const int MaxLength = 15;
        byte* bytes = stackalloc byte[MaxLength];
        int offset = (int)(gpa & 0xFFF);
        int length = MaxLength;
        if ((_cpu->Mode & ExecutionMode.Code64) == 0) length = (int)Math.Min(MaxLength, _cpu->Segments[Seg.Cs].Limit - _cpu->Rip + 1);
        int first = Math.Min(length, 0x1000 - offset);
        CopyCode(gpa, bytes, first);
        NativeMemory.Clear(_single, (nuint)(sizeof(Block) + (2 * sizeof(Op))));
        _single->Dropped = true;
        if (_builder.Build(bytes, first, offset, _cpu->Mode, 1, _single)) return true;
        if (first < length)
        {
            ulong next = linear + (ulong)first;
            if ((_cpu->Mode & ExecutionMode.Code64) == 0) next = (uint)next;
            if (!_mmu.TryFetch(next, out ulong nextGpa)) return false;
            CopyCode(nextGpa, bytes + first, length - first);
            if (_builder.Build(bytes, length, offset, _cpu->Mode, 1, _single)) return true;
        }

        // It goes on beyond the limit of CS.
        _cpu->SetFault(ExceptionVector.GP, 0);
        return false;
    }

    private void CopyCode(ulong gpa, byte* destination, int length)
    {
        byte* host = _mmu.HostFor(gpa, length, out _);
        if (host != null) Buffer.MemoryCopy(host, destination, length, length);
        else NativeMemory.Fill(destination, (nuint)length, 0xFF);
    }

    private void FlushCode() => _blocks.Flush();
}
