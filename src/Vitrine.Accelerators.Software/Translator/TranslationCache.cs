using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.HostSignals;
using Vitrine.Accelerators.Software.State;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>
/// Translated blocks by the host address of their guest bytes and mode, the memory of their code, and the branch table through which
/// they find each other. Memory is handed out upwards; when it is used up everything is dropped.
/// </summary>
/// <remarks>
/// Branches within a page lead straight from block to block. That needs no bookkeeping, because the blocks of a page are dropped
/// together. All others go through the branch table, to an entry that compares the target's page with the key that says where the page of its
/// block is known to be mapped. So one look at the page tables serves all entries of a page. Dropping the page clears the key.
/// </remarks>
internal sealed unsafe class TranslationCache : IDisposable
{
    // SAFETY: all pointers are into the code memory, the arena and the tables behind the state, which live as long as this object.
    // Code is written only while none of it runs.
    private const int BucketCount = 1 << 16;
    private const int MaximumTranslations = 1 << 20;
    private const ulong PageOffset = 0xFFF;

    private readonly CpuState* _cpu;
    private readonly ExecutableMemory _memory;
    private readonly TranslatedBlock* _translations;
    private readonly TranslatedBlock** _buckets;
    private readonly ulong* _branches;
    private readonly ulong* _keys;
    private readonly byte* _codeStart;
    private readonly CodeRange* _guard;
    private readonly Dictionary<CodePlace, int> _cellsOfPages = [];
    private CodeEmitter _emitter;
    private int _count;
    private int _cells = 1;

    /// <summary>Reserves memory for code; the host commits it as it fills.</summary>
    /// <param name="cpu">The state, from <see cref="StateMemory"/>.</param>
    /// <param name="bytes">Size of the code memory.</param>
    /// <param name="counts">The code counts what it does.</param>
    public TranslationCache(CpuState* cpu, nuint bytes, bool counts = false)
    {
        _cpu = cpu;
        _memory = ExecutableMemory.Create(bytes);
        _translations = (TranslatedBlock*)NativeMemory.AllocZeroed(MaximumTranslations, (nuint)sizeof(TranslatedBlock));
        _buckets = (TranslatedBlock**)NativeMemory.AllocZeroed(BucketCount, (nuint)sizeof(TranslatedBlock*));
        _branches = (ulong*)((byte*)cpu + StateMemory.BranchTable);
        _keys = (ulong*)((byte*)cpu + StateMemory.Keys);
        _emitter.Position = _memory.Writable;
        Stubs = new EntryStubs(ref _emitter, ToExecutable, cpu, counts);
        _codeStart = _emitter.Position;
        _guard = SignalHandler.Guard(new CodeRange
        {
            Start = Stubs.GuardedFrom + ToExecutable,
            End = _memory.Executable + _memory.Size,
            Landing = Stubs.HostFault + ToExecutable,
            Record = &cpu->Signal,
        });
        ForgetBranches();
    }

    /// <summary>The code that all blocks share.</summary>
    public EntryStubs Stubs { get; }

    /// <summary>Distance from where code is written to where it runs.</summary>
    public nint ToExecutable => (nint)(_memory.Executable - _memory.Writable);

    /// <summary>Blocks translated since creation.</summary>
    public ulong Translated { get; private set; }

    /// <summary>Guest instructions in them.</summary>
    public ulong TranslatedInstructions { get; private set; }

    /// <summary>Guest bytes in them.</summary>
    public ulong GuestBytes { get; private set; }

    /// <summary>Host bytes written for them, with entries.</summary>
    public ulong HostBytes { get; private set; }

    /// <summary>Times that everything was dropped.</summary>
    public ulong Flushes { get; private set; }

    /// <summary>Code bytes in use.</summary>
    public nuint Used => (nuint)(_emitter.Position - _memory.Writable);

    /// <summary>Bytes that there are for code.</summary>
    public nuint Reserved => _memory.Size;

    /// <summary>Where the code that all blocks share begins, in the view that can be written.</summary>
    public byte* Start => _memory.Writable;

    /// <summary>Where the code of blocks begins behind it.</summary>
    public byte* FirstBlock => _codeStart;

    /// <summary>Where the next code goes. Give the position back with <see cref="Commit"/>.</summary>
    public CodeEmitter Emitter => _emitter;

    /// <summary>True when there is room for a block of the longest kind and its entries.</summary>
    public bool HasRoom => Used + BlockTranslator.MaxHostBytes + 4096 <= _memory.Size && _count + 2 <= MaximumTranslations && _cells + 2 <= StateMemory.Cells;

    /// <summary>The block at an address for a mode, or null.</summary>
    public TranslatedBlock* Find(byte* guest, ExecutionMode mode)
    {
        for (TranslatedBlock* block = _buckets[Bucket(guest)]; block != null; block = block->NextInBucket)
        {
            if (block->Guest == guest && block->Mode == mode) return block;
        }

        return null;
    }

    /// <summary>The block that a host address in the executable view belongs to, with its entries; null where it belongs to none.</summary>
    public TranslatedBlock* Containing(byte* executable)
    {
        // Code is handed out upwards: what begins last before the address holds it.
        TranslatedBlock* closest = null;
        byte* start = null;
        for (TranslatedBlock* block = _translations; block < _translations + _count; block++)
        {
            foreach (nint part in (ReadOnlySpan<nint>)[(nint)block->Body, (nint)block->Entry, (nint)block->LoopEntry])
            {
                if ((byte*)part <= start || (byte*)part > executable) continue;
                start = (byte*)part;
                closest = block;
            }
        }

        return closest != null && executable < start + closest->HostBytes ? closest : null;
    }

    /// <summary>Takes a block whose code was just written.</summary>
    /// <param name="block">What is known of it, without <see cref="TranslatedBlock.HostBytes"/>.</param>
    /// <param name="emitter">Behind its code.</param>
    public TranslatedBlock* Commit(in TranslatedBlock block, in CodeEmitter emitter)
    {
        TranslatedBlock* stored = _translations + _count++;
        *stored = block;
        stored->HostBytes = (int)(emitter.Position - _emitter.Position);
        _emitter = emitter;
        TranslatedBlock** bucket = _buckets + Bucket(block.Guest);
        stored->NextInBucket = *bucket;
        *bucket = stored;
        Translated++;
        TranslatedInstructions += block.Instructions;
        GuestBytes += block.GuestBytes;
        HostBytes += (ulong)stored->HostBytes;
        return stored;
    }

    /// <summary>Takes code written for a block that exists.</summary>
    public void CommitEntry(TranslatedBlock* block, in CodeEmitter emitter)
    {
        int bytes = (int)(emitter.Position - _emitter.Position);
        block->HostBytes += bytes;
        HostBytes += (ulong)bytes;
        _emitter = emitter;
    }

    /// <summary>The key cell for an entry of a block: that of its page and mode, or one of its own if the block can be dropped without its page.</summary>
    public int CellFor(in TranslatedBlock block, bool isGlobal)
    {
        if (block.SecondPage != null)
        {
            if (block.Entry != null) _keys[block.Cell] = 0;
            return AllocateCell();
        }

        ref int cell = ref CollectionsMarshal.GetValueRefOrAddDefault(_cellsOfPages, new CodePlace(in block, isGlobal), out bool exists);
        if (!exists) cell = AllocateCell();
        return cell;
    }

    /// <summary>A key cell.</summary>
    public int AllocateCell() => _cells++;

    /// <summary>Makes branches to a RIP enter a block.</summary>
    /// <param name="block">A block with an entry.</param>
    /// <param name="rip">The target.</param>
    public void Bind(TranslatedBlock* block, ulong rip)
    {
        _keys[block->Cell] = (rip - ((ulong)block->Guest & PageOffset)) ^ (block->EntryIsGlobal ? _cpu->GlobalKey : _cpu->CodeKey);
        _branches[rip % StateMemory.Branches] = (ulong)block->Entry;
    }

    /// <summary>Makes branches to a RIP come back for it.</summary>
    public void ForgetBranch(ulong rip) => _branches[rip % StateMemory.Branches] = (ulong)(Stubs.Lookup + ToExecutable);

    /// <summary>Drops the blocks of a page, and those that reach into it.</summary>
    /// <param name="first">The page's first block.</param>
    public void Drop(TranslatedBlock* first)
    {
        for (TranslatedBlock* block = first; block != null; block = block->NextInPage) DropOne(block->Owner != null ? block->Owner : block);
    }

    /// <summary>Drops a block.</summary>
    public void DropOne(TranslatedBlock* block)
    {
        if (block->Dropped) return;
        block->Dropped = true;
        TranslatedBlock** link = _buckets + Bucket(block->Guest);
        while (*link != block) link = &(*link)->NextInBucket;
        *link = block->NextInBucket;
        if (block->Entry != null)
        {
            _keys[block->Cell] = 0;
            ForgetCell(new CodePlace(in *block, false));
            ForgetCell(new CodePlace(in *block, true));
        }

        if (block->SecondPage != null) _keys[block->SecondCell] = 0;
    }

    // Entries that were written until now never match again.
    private void ForgetCell(CodePlace place)
    {
        if (_cellsOfPages.Remove(place, out int cell)) _keys[cell] = 0;
    }

    /// <summary>An entry for the list of a block's second page.</summary>
    public TranslatedBlock* AddOwned(TranslatedBlock* owner, int bytes)
    {
        TranslatedBlock* entry = _translations + _count++;
        *entry = new TranslatedBlock { Guest = owner->SecondPage, GuestBytes = (ushort)bytes, Owner = owner };
        return entry;
    }

    /// <summary>The second page of a block was found where it is expected.</summary>
    public void BindSecondPage(TranslatedBlock* block) => _keys[block->SecondCell] = _cpu->PageRip ^ _cpu->CodeKey;

    /// <summary>Drops everything and hands out the memory again.</summary>
    public void Flush()
    {
        if (_count == 0) return;
        _emitter.Position = _codeStart;
        _count = 0;
        NativeMemory.Clear(_buckets, (nuint)(BucketCount * sizeof(TranslatedBlock*)));
        NativeMemory.Clear(_keys, (nuint)(_cells * sizeof(ulong)));
        _cells = 1;
        _cellsOfPages.Clear();
        ForgetBranches();
        Flushes++;
    }

    /// <summary>Where a branch to a RIP goes: the code to enter with it.</summary>
    public byte* EntryFor(ulong rip) => (byte*)_branches[rip % StateMemory.Branches];

    /// <summary>Every key becomes void.</summary>
    public void ForgetKeys() => NativeMemory.Clear(_keys, (nuint)(_cells * sizeof(ulong)));

    /// <inheritdoc/>
    public void Dispose()
    {
        SignalHandler.Release(_guard);
        _memory.Dispose();
        NativeMemory.Free(_translations);
        NativeMemory.Free(_buckets);
    }

    private void ForgetBranches() => new Span<ulong>(_branches, StateMemory.Branches).Fill((ulong)(Stubs.Lookup + ToExecutable));

    private static uint Bucket(byte* host) => (uint)(((ulong)host ^ ((ulong)host >> 13)) * 0x9E3779B1) >> 16;
}
