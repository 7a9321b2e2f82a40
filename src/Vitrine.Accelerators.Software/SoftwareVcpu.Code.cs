using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.X86.Exceptions;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software;

/// <content>From RIP to decoded operations.</content>
internal sealed unsafe partial class SoftwareVcpu
{
    // SAFETY: as in the main part: the state, blocks and buffers are this object's native allocations, and only the vCPU's thread comes here.
    private const int MaxLength = 15;

    /// <summary>The first operation of the block at a RIP, decoded if need be.</summary>
    /// <returns>Null when a fault is recorded; RIP is then that of the instruction that can't be fetched.</returns>
    internal Op* Find(ulong rip)
    {
        _cpu->Rip = rip;
        _cpu->Leave = LeaveReason.NextBlock;
        JumpCacheEntry* entry = JumpCache.EntryFor(_cpu, rip);
        if (entry->Rip == rip && entry->Tag == _cpu->CodeTag && !Block.Of(entry->First)->Dropped) return entry->First;
        if (!TryLocate(rip, out ulong linear, out ulong gpa, out _)) return null;
        byte* host = _mmu.HostFor(gpa, 1, out _);
        Block* block = host == null ? null : _blocks.Find(host, _cpu->Mode);
        if (block == null && host != null) block = Decode(host, _cpu->Mode);
        if (block == null || !IsInCodeSegment(rip, block->Bytes)) return DecodeSingle(linear, gpa) ? Block.Ops(_single) : null;

        entry->Rip = rip;
        entry->Tag = _cpu->CodeTag;
        entry->First = Block.Ops(block);
        return entry->First;
    }

    private Op* FindSingle()
    {
        _cpu->Leave = LeaveReason.NextBlock;
        if (!TryLocate(_cpu->Rip, out ulong linear, out ulong gpa, out _)) return null;
        return DecodeSingle(linear, gpa) ? Block.Ops(_single) : null;
    }

    private bool TryLocate(ulong rip, out ulong linear, out ulong gpa, out bool isGlobal)
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
        bool built = _builder.Build(host, length, offset, mode, limit, block);
        if (built)
        {
            block->Host = host;
            _blocks.Commit(block);
        }

        _mmu.Guard.EndDecode(host, built ? block->Bytes : 0);
        return built ? block : null;
    }

    private Block* AllocateBlock()
    {
        Block* block = _blocks.Allocate(BlockBuilder.MaxOperations);
        if (block != null) return block;
        if (Translates) _blocks.FlushDecoded();
        else FlushCode();
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
        CopyCode(gpa, bytes, first);
        NativeMemory.Clear(_single, (nuint)(sizeof(Block) + (2 * sizeof(Op))));
        _single->Dropped = true;
        if (_builder.Build(bytes, first, offset, _cpu->Mode, 1, _single)) return true;
        if (first < length)
        {
            ulong next = linear + (ulong)first;
            if ((_cpu->Mode & ExecutionMode.Code64) == 0) next = (uint)next;
            if (!_mmu.TryFetch(next, out ulong nextGpa, out _)) return false;
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

    private void FlushCode()
    {
        _mmu.Guard.LeaveAll();
        _blocks.Flush();
    }

    /// <summary>A guest that is idle gives the host the memory back that its code takes.</summary>
    internal void ReleaseCode()
    {
        FlushCode();
        _blocks.Release();
    }
}
