using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.Blocks;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.Exceptions;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter.Decode;

/// <summary>From RIP to decoded operations, for one vCPU: looks them up, and decodes what is not known yet.</summary>
internal sealed unsafe class CodeFinder : IDisposable
{
    // SAFETY: _cpu is the state of the vCPU that owns this object, and outlives it; _single is a native allocation with room for a block of two operations, freed in
    // Dispose. Only the vCPU's thread comes here.

    /// <summary>The most bytes that an instruction may have (SDM vol. 2, 2.3.11).</summary>
    public const int MaxLength = 15;

    private const int PageSize = 0x1000;

    private readonly CpuState* _cpu;
    private readonly SoftMmu _mmu;
    private readonly BlockCache _blocks;
    private readonly BlockBuilder _builder = new();
    private readonly Block* _single;
    private readonly PageCopy? _copy;
    private GCHandle<CodeFinder> _handle;

    /// <summary>The finder of a state, which leads to it from now on.</summary>
    public CodeFinder(CpuState* cpu, SoftMmu mmu, BlockCache blocks)
    {
        _cpu = cpu;
        _mmu = mmu;
        _blocks = blocks;
        _copy = blocks.Verifies ? new PageCopy() : null;
        _single = (Block*)NativeMemory.AllocZeroed((nuint)(sizeof(Block) + (2 * sizeof(Op))));
        _handle = new GCHandle<CodeFinder>(this);
        cpu->CodeFinderHandle = GCHandle<CodeFinder>.ToIntPtr(_handle);
    }

    /// <summary>Times that all blocks were dropped: operations that were found before must not be touched any more.</summary>
    public ulong Flushes => _blocks.Flushes;

    /// <summary>Leaves where memory is missing at an address that is to have some; says whether it did. Null where that can't be.</summary>
    public Func<ulong, bool>? LeavesForMissing { get; init; }

    /// <summary>The finder of a state. For slow paths.</summary>
    public static CodeFinder Of(CpuState* cpu) => GCHandle<CodeFinder>.FromIntPtr(cpu->CodeFinderHandle).Target;

    /// <summary>The offset in a page before which blocks end from now on; all that there are are dropped.</summary>
    public void StopBefore(int offset)
    {
        _builder.StopOffset = offset;
        Flush();
    }

    /// <summary>Sets the instructions that the processor has besides those of the interpreter; null for none.</summary>
    public void Use(ExtraInstructions? extra) => _builder.Use(extra);

    /// <summary>The first operation of the block at a RIP, decoded if need be.</summary>
    /// <returns>Null when a fault is recorded; RIP is then that of the instruction that can't be fetched.</returns>
    public Op* Find(ulong rip)
    {
        _cpu->Rip = rip;
        _cpu->Leave = LeaveReason.NextBlock;
        JumpCacheEntry* entry = JumpCache.EntryFor(_cpu, rip);
        if (entry->Rip == rip && entry->Tag == _cpu->CodeTag && !Block.Of(entry->First)->Dropped) return entry->First;
        if (_cpu->HasStop && StopPoint.IsAt(_cpu, LinearOf(rip)))
        {
            // Also where it can't be fetched: a stop comes before the fault.
            _cpu->Leave = LeaveReason.Stop;
            return null;
        }

        if (!TryLocate(rip, out ulong linear, out ulong gpa, out _)) return null;
        byte* host = _mmu.HostFor(gpa, 1, out _);
        Block* block = host == null ? null : FindOrDecode(host, _cpu->Mode);
        if (block == null || !IsInCodeSegment(rip, block->Bytes)) return DecodeSingle(linear, gpa) ? Block.Ops(_single) : null;

        entry->Rip = rip;
        entry->Tag = _cpu->CodeTag;
        entry->First = Block.Ops(block);
        return entry->First;
    }

    /// <summary>The operation of the instruction at RIP, decoded anew: it runs once.</summary>
    /// <returns>Null when a fault is recorded.</returns>
    public Op* FindSingle()
    {
        _cpu->Leave = LeaveReason.NextBlock;
        if (!TryLocate(_cpu->Rip, out ulong linear, out ulong gpa, out _)) return null;
        return DecodeSingle(linear, gpa) ? Block.Ops(_single) : null;
    }

    /// <summary>The operation of the instruction at RIP, alone in its block.</summary>
    /// <returns>Null when a fault is recorded.</returns>
    public Op* FindOne()
    {
        _cpu->Leave = LeaveReason.NextBlock;
        ulong rip = _cpu->Rip;
        JumpCacheEntry* entry = JumpCache.EntryFor(_cpu, rip);
        if (entry->Rip == rip && entry->Tag == _cpu->CodeTag && IsOne(Block.Of(entry->First)) && !HasChanged(Block.Of(entry->First))) return entry->First;
        if (!TryLocate(rip, out ulong linear, out ulong gpa, out _)) return null;
        byte* host = _mmu.HostFor(gpa, 1, out _);
        Block* block = host == null ? null : FindOrDecode(host, _cpu->Mode | ExecutionMode.SingleStep);
        if (block == null) return DecodeSingle(linear, gpa) ? Block.Ops(_single) : null;
        entry->Rip = rip;
        entry->Tag = _cpu->CodeTag;
        entry->First = Block.Ops(block);
        return entry->First;
    }

    /// <summary>A block that checks itself has found memory changed: compares the code of its page with memory.</summary>
    public void FindChange(Block* block)
    {
        _blocks.Suspect(block->Host);
        _blocks.Verify(block->Host);
    }

    /// <summary>The code at a RIP was found to differ from what it was made of: its page is compared with memory when it is looked up.</summary>
    public void SuspectChange(ulong rip)
    {
        byte* host = _mmu.CanFetch(LinearOf(rip), out ulong gpa) ? _mmu.HostFor(gpa, 1, out _) : null;
        if (host != null) _blocks.Suspect(host);
    }

    /// <summary>Where the code of a RIP lies.</summary>
    /// <param name="rip">The instruction pointer.</param>
    /// <param name="linear">Its linear address.</param>
    /// <param name="gpa">Its guest-physical address.</param>
    /// <param name="isGlobal">A load of CR3 doesn't end the translation.</param>
    /// <returns>False when a fault is recorded.</returns>
    public bool TryLocate(ulong rip, out ulong linear, out ulong gpa, out bool isGlobal)
    {
        isGlobal = false;
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

        return _mmu.TryFetch(linear, out gpa, out isGlobal);
    }

    /// <summary>False when a block reaches beyond the limit of CS, which must be checked for each of its instructions then.</summary>
    private bool IsInCodeSegment(ulong rip, int bytes) =>
        (_cpu->Mode & ExecutionMode.Code64) != 0 || rip + (ulong)bytes - 1 <= _cpu->Segments[Seg.Cs].Limit;

    private Block* FindOrDecode(byte* host, ExecutionMode mode)
    {
        _blocks.Verify(host);
        Block* block = _blocks.Find(host, mode);
        return block != null ? block : Decode(host, mode);
    }

    /// <summary>Decodes the block at a host address. Null when not even its first instruction ends in the page, or other vCPUs still write to it.</summary>
    private Block* Decode(byte* host, ExecutionMode mode)
    {
        Block* block = AllocateBlock();
        int offset = (int)((ulong)host & 0xFFF);
        int length = 0x1000 - offset;
        if (length < MaxLength)
        {
            // An instruction that goes on in the next page is in no block, and must not make this page one of code.
            if (!_builder.Build(host, length, offset, mode, 1, block)) return null;
            block = AllocateBlock();
        }

        if (!_mmu.Guard.BeginDecode(host)) return null;
        int limit = (mode & ExecutionMode.SingleStep) != 0 ? 1 : BlockBuilder.MaxOperations;
        byte* source = _copy is null ? null : _copy.Take(host);
        bool built = _builder.Build(source == null ? host : source + offset, length, offset, mode, limit, block);
        if (built)
        {
            block->Host = host;
            _blocks.Commit(block, source);
        }

        _mmu.Guard.EndDecode(host, built ? block->Bytes : 0);
        return built ? block : null;
    }

    private Block* AllocateBlock()
    {
        Block* block = _blocks.Allocate(BlockBuilder.MaxOperations);
        if (block != null) return block;
        if (_cpu->Translates) _blocks.FlushDecoded();
        else Flush();
        return _blocks.Allocate(BlockBuilder.MaxOperations);
    }

    /// <summary>
    /// Decodes one instruction that runs once: one that crosses a page, lies outside memory (where a bus that nobody answers
    /// reads all ones) or at the end of CS, or is followed by an event.
    /// </summary>
    private bool DecodeSingle(ulong linear, ulong gpa)
    {
        byte* bytes = stackalloc byte[MaxLength];
        int offset = (int)(gpa & 0xFFF);
        int length = MaxLength;
        if ((_cpu->Mode & ExecutionMode.Code64) == 0) length = (int)Math.Min(MaxLength, _cpu->Segments[Seg.Cs].Limit - _cpu->Rip + 1);
        int first = Math.Min(length, 0x1000 - offset);
        if (LeavesAt(gpa)) return false;
        CopyCode(gpa, bytes, first);
        NativeMemory.Clear(_single, (nuint)(sizeof(Block) + (2 * sizeof(Op))));
        _single->Dropped = true;
        if (_builder.Build(bytes, first, offset, _cpu->Mode, 1, _single)) return true;
        if (first < length)
        {
            ulong next = linear + (ulong)first;
            if ((_cpu->Mode & ExecutionMode.Code64) == 0) next = (uint)next;
            if (!_mmu.TryFetch(next, out ulong nextGpa, out _)) return false;
            if (LeavesAt(nextGpa)) return false;
            CopyCode(nextGpa, bytes + first, length - first);
            if (_builder.Build(bytes, length, offset, _cpu->Mode, 1, _single)) return true;
        }

        // It goes on beyond the limit of CS.
        _cpu->SetFault(ExceptionVector.GP, 0);
        return false;
    }

    private bool LeavesAt(ulong gpa) => LeavesForMissing is not null && _mmu.HostFor(gpa, 1, out _) == null && LeavesForMissing(gpa);

    private void CopyCode(ulong gpa, byte* destination, int length)
    {
        byte* host = _mmu.HostFor(gpa, length, out _);
        if (host != null) Buffer.MemoryCopy(host, destination, length, length);
        else NativeMemory.Fill(destination, (nuint)length, 0xFF);
    }

    /// <summary>Drops all blocks, and the code that an engine made with them.</summary>
    public void Flush()
    {
        _mmu.Guard.LeaveAll();
        _blocks.Flush();
    }

    /// <summary>Memory may have changed in any way: no code is used any more that was made of other bytes.</summary>
    public void Forget()
    {
        if (_blocks.Verifies) _mmu.DoubtCode();
        else Flush();
    }

    /// <summary>A guest that is idle gives the host the memory back that its code takes.</summary>
    public void Release()
    {
        Flush();
        _blocks.Release();
    }

    /// <summary>Copies the bytes from a RIP on that an instruction may have.</summary>
    /// <returns>How many could be fetched, at most <see cref="MaxLength"/>.</returns>
    public int CopyInstruction(ulong rip, byte* bytes)
    {
        if (!_mmu.TryTranslate(LinearOf(rip), out ulong gpa)) return 0;
        int first = Math.Min(MaxLength, PageSize - (int)(gpa & (PageSize - 1)));
        CopyCode(gpa, bytes, first);
        if (first == MaxLength || !_mmu.TryTranslate(LinearOf(rip + (ulong)first), out ulong next)) return first;
        CopyCode(next, bytes + first, MaxLength - first);
        return MaxLength;
    }

    /// <summary>The linear address of a RIP.</summary>
    public ulong LinearOf(ulong rip) => (_cpu->Mode & ExecutionMode.Code64) != 0 ? rip : (uint)(_cpu->Segments[Seg.Cs].Base + rip);

    /// <inheritdoc/>
    public void Dispose()
    {
        _handle.Dispose();
        _copy?.Dispose();
        NativeMemory.Free(_single);
    }

    private bool HasChanged(Block* block)
    {
        if ((block->Mode & ExecutionMode.SelfChecking) == 0 || Block.IsUnchanged(block)) return false;
        _blocks.Suspect(block->Host);
        return true;
    }

    // A branch that was interpreted may have left a whole block for the same RIP.
    private static bool IsOne(Block* block) => !block->Dropped && (block->Mode & ExecutionMode.SingleStep) != 0;
}
