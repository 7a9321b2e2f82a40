using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.Decode;
using Vitrine.Accelerators.Software.Helpers;
using Vitrine.Accelerators.Software.Irq;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.State;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software;

/// <summary>One vCPU of the software accelerator: the dispatcher between blocks, events and exits.</summary>
internal sealed unsafe class SoftwareVcpu : IVirtualCpu
{
    // SAFETY: _cpu, _data and _single are native allocations owned by this object and freed in Dispose; only the vCPU's thread
    // touches them, except PollAt, to which others write zero.
    private const ulong PollInterval = 20_000;

    private readonly CpuState* _cpu;
    private readonly byte* _data;
    private readonly Block* _single;
    private readonly GCHandle _self;
    private readonly SoftwareAccelerator _accelerator;
    private readonly BlockCache _blocks = new();
    private readonly BlockBuilder _builder = new();
    private readonly Bus _bus;
    private readonly SoftMmu _mmu;
    private VmExit _exit;
    private bool _accessPending;
    private bool _disposed;
    private volatile bool _kicked;

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
        _cpu->JumpCache = _blocks.Jumps;
        _cpu->SystemFlags = Rflags.Fixed;
        _bus = new Bus(this, _cpu);
        _mmu = new SoftMmu(_cpu, accelerator, _bus, _blocks);
        LocalApic = new LocalApic((uint)id, new ApicClock(_cpu), () => Volatile.Write(ref _cpu->PollAt, 0));
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
    public void SetCpuid(ReadOnlySpan<CpuidEntry> entries) => _cpuid = new CpuidTable(entries);

    /// <inheritdoc/>
    public void GetState(ProcessorState state)
    {
        CompleteAccess();
        StateTransfer.Get(_cpu, state);
    }

    /// <inheritdoc/>
    public void PutState(ProcessorState state, PutLevel level)
    {
        CompleteAccess();
        _cpu->Replay.Count = 0;
        StateTransfer.Put(state, _cpu, level);
        FlushCode();
        _mmu.FlushAll();
        CpuModes.Refresh(_cpu);
    }

    /// <inheritdoc/>
    public ref VmExit Run()
    {
        // Accesses that user space has answered are part of an instruction that must finish before anything interrupts it.
        bool finishing = CompleteAccess();
        while (true)
        {
            if (!finishing && _cpu->Instructions >= _cpu->PollAt && !ProcessEvents()) return ref _exit;
            finishing = false;
            bool single = (_cpu->SystemFlags & Rflags.TF) != 0 || _cpu->InterruptShadow != 0;
            Op* op = single ? FindSingle() : Find(_cpu->Rip);
            if (op != null)
            {
                _cpu->BlockRip = _cpu->Rip;
                do
                {
                    op = op->Handler(_cpu, op);
                }
                while (op != null);
            }

            switch (_cpu->Leave)
            {
                case LeaveReason.NextBlock:
                    break;
                case LeaveReason.Exit:
                    return ref _exit;
                case LeaveReason.Fault:
                case LeaveReason.Shutdown:
                    _exit.Reason = VmExitReason.Shutdown;
                    return ref _exit;
                case LeaveReason.Halt:
                    _exit.Reason = VmExitReason.HaltForever;
                    return ref _exit;
            }
        }
    }

    /// <inheritdoc/>
    public void Kick()
    {
        _kicked = true;
        Volatile.Write(ref _cpu->PollAt, 0);
    }

    /// <inheritdoc/>
    public void NotifyExternalInterrupt(bool level)
    {
    }

    /// <inheritdoc/>
    public void RaiseNmi()
    {
    }

    /// <inheritdoc/>
    public bool TryTranslate(ulong gva, out ulong gpa) => _mmu.TryTranslate(gva, out gpa);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _mmu.Dispose();
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
        Block* block = _blocks.Find(gpa, _cpu->Mode);
        if (block == null)
        {
            block = Decode(linear, gpa);
            if (block == null) return null;
            if (block == _single) return Block.Ops(block);
        }

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
    internal void WriteLocalApic(uint offset, int size, ulong value) => LocalApic.Write(offset, (uint)value);

    private CpuidTable _cpuid = new([]);

    /// <summary>The dirty log was read: writes must be seen again. Any thread.</summary>
    internal void RequestFlush()
    {
        _flushRequested = true;
        Volatile.Write(ref _cpu->PollAt, 0);
    }

    /// <summary>Delivers an interrupt message to the local APIC. Any thread.</summary>
    internal void DeliverMessage(ulong address, uint data)
    {
    }

    /// <summary>The slots have changed. The vCPU must not be running.</summary>
    internal void ReloadSlots()
    {
        FlushCode();
        _mmu.ReloadSlots();
        _mmu.FlushAll();
    }

    private volatile bool _flushRequested;

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

    private bool ProcessEvents()
    {
        Volatile.Write(ref _cpu->PollAt, _cpu->Instructions + PollInterval);
        if (_flushRequested)
        {
            _flushRequested = false;
            _mmu.FlushAll();
        }

        if (_kicked)
        {
            _kicked = false;
            _exit.Reason = VmExitReason.Interrupted;
            return false;
        }

        return true;
    }

    private Op* FindSingle()
    {
        _cpu->InterruptShadow = 0;
        _cpu->Leave = LeaveReason.NextBlock;
        if (!TryLocate(_cpu->Rip, out ulong linear, out ulong gpa)) return null;
        return DecodeSingle(linear, gpa) ? Block.Ops(_single) : null;
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

    private Block* Decode(ulong linear, ulong gpa)
    {
        Block* block = _blocks.Allocate(BlockBuilder.MaxOperations);
        if (block == null)
        {
            FlushCode();
            block = _blocks.Allocate(BlockBuilder.MaxOperations);
        }

        int offset = (int)(gpa & 0xFFF);
        byte* host = _mmu.HostFor(gpa, 1, out _);
        if (host == null || !_builder.Build(host, 0x1000 - offset, offset, _cpu->Mode, BlockBuilder.MaxOperations, block))
        {
            return DecodeSingle(linear, gpa) ? _single : null;
        }

        block->Gpa = gpa;
        _blocks.Commit(block);
        _mmu.MarkCode(gpa);
        return block;
    }

    /// <summary>
    /// Decodes one instruction that runs once: one that crosses a page, lies outside memory (where a bus that nobody answers
    /// reads all ones), or is followed by an event.
    /// </summary>
    private bool DecodeSingle(ulong linear, ulong gpa)
    {
        const int MaxLength = 15;
        byte* bytes = stackalloc byte[MaxLength];
        int offset = (int)(gpa & 0xFFF);
        int first = Math.Min(MaxLength, 0x1000 - offset);
        CopyCode(gpa, bytes, first);
        NativeMemory.Clear(_single, (nuint)(sizeof(Block) + (2 * sizeof(Op))));
        if (_builder.Build(bytes, first, offset, _cpu->Mode, 1, _single)) return true;
        if (first == MaxLength) return false;
        ulong next = linear + (ulong)first;
        if ((_cpu->Mode & ExecutionMode.LongMode) == 0) next = (uint)next;
        if (!_mmu.TryFetch(next, out ulong nextGpa)) return false;
        CopyCode(nextGpa, bytes + first, MaxLength - first);
        return _builder.Build(bytes, MaxLength, offset, _cpu->Mode, 1, _single);
    }

    private void CopyCode(ulong gpa, byte* destination, int length)
    {
        byte* host = _mmu.HostFor(gpa, length, out _);
        if (host != null) Buffer.MemoryCopy(host, destination, length, length);
        else NativeMemory.Fill(destination, (nuint)length, 0xFF);
    }

    private void FlushCode() => _blocks.Flush(_mmu.UnmarkCode);
}
