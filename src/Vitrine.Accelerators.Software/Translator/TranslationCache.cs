using System.Numerics;
using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.Blocks;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.HostSignals;
using Vitrine.Errors;
using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>
/// Translated blocks by the host address of their guest bytes and mode, the memory of their code, and the branch table through which
/// they find each other. Memory is handed out upwards, and asked of the host in steps, up to a bound; when that is reached, or the host has
/// no more, everything is dropped.
/// </summary>
/// <remarks>
/// Branches within a page lead straight from block to block. That needs no bookkeeping, because the blocks of a page are dropped
/// together. All others go through the branch table, to an entry that compares the target's page with the key that says where the page of
/// its block is known to be mapped. So one look at the page tables serves all entries of a page. Dropping the page clears the key.
/// </remarks>
internal sealed unsafe class TranslationCache : EngineCode, IDisposable
{
    // SAFETY: all pointers are into the code memory, the arena and the tables behind the state, which live as long as this object.
    // Code is written only while none of it runs.
    private const ulong PageOffset = Page.OffsetMask;

    // A block of the longest kind and its entries.
    private const nuint RoomForBlock = BlockTranslator.MaxHostBytes + 4096;

    private const nuint CommitStep = 256 << 10;
    private const nuint LeastBytes = 1 << 20;

    // Of host code, for each entry of the branch table that there may be.
    private const nuint BytesForBranch = 256;

    // More than a Linux kernel and its shell need: such a guest gains nothing when it has to be translated again.
    private const nuint LargeBytes = 32 << 20;

    // What a guest that does little needs again at once.
    private const nuint KeptBytes = 1 << 20;

    private readonly CpuState* _cpu;
    private readonly ExecutableMemory _memory;
    private readonly BlockTable _blocks = new();
    private readonly BranchTable _branches;
    private readonly ulong* _keys;
    private readonly byte* _codeStart;
    private readonly CodeRange* _guard;
    private readonly Dictionary<CodePlace, int> _cellsOfPages = [];
    private CodeEmitter _emitter;
    private nuint _committed;
    private nuint _droppedBytes;
    private int _cells = 1;

    /// <summary>Reserves addresses for code; the host commits memory as it fills.</summary>
    /// <param name="cpu">The state, from <see cref="StateMemory"/>, with room for <see cref="BranchesFor"/> entries.</param>
    /// <param name="bytes">The bound of the code memory. It is lower where the host's limits don't allow it.</param>
    /// <param name="counts">The code counts what it does.</param>
    /// <exception cref="VitrineException">The host refuses even a little memory for code.</exception>
    public TranslationCache(CpuState* cpu, nuint bytes, bool counts = false)
    {
        _cpu = cpu;
        _memory = ExecutableMemory.CreateUpTo(bytes, Math.Min(bytes, LeastBytes));
        _keys = (ulong*)((byte*)cpu + StateMemory.Keys);
        _emitter = new CodeEmitter(_memory.Writable);
        if (!TryCommit())
        {
            _memory.Dispose();
            throw VitrineException.Host(
                ErrorCode.TranslatorNoMemory,
                $"The host has no {CommitStep >> 10} KiB of memory for machine code.",
                "It is used up, or what may be used of it is (see /proc/meminfo, CommitLimit and Committed_AS).",
                "End other programs, or choose the interpreter.");
        }

        Stubs = new EntryStubs(ref _emitter, ToExecutable, cpu, counts);
        _codeStart = _emitter.Position;
        _branches = new BranchTable(cpu, BranchesFor(bytes), Stubs.Lookup + ToExecutable);
        _guard = SignalHandler.Guard(new CodeRange
        {
            Start = Stubs.GuardedFrom + ToExecutable,
            End = _memory.Executable + _memory.Size,
            Landing = Stubs.HostFault + ToExecutable,
            Record = &cpu->Signal,
        });
    }

    /// <summary>How many entries the branch table may come to have.</summary>
    /// <param name="bytes">The bound of the code memory.</param>
    public static int BranchesFor(nuint bytes) =>
        (int)BitOperations.RoundUpToPowerOf2(Math.Clamp((ulong)(bytes / BytesForBranch), StateMemory.FewestBranches, StateMemory.MostBranches));

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

    /// <summary>Times that this was for want of room.</summary>
    public ulong TimesFull { get; private set; }

    /// <summary>Blocks that were dropped for want of room.</summary>
    public ulong DroppedWhenFull { get; private set; }

    /// <summary>Times that the host got its memory back from a guest that was idle.</summary>
    public ulong TimesReleased { get; private set; }

    /// <summary>Bytes of the code memory that the host has given.</summary>
    public nuint Committed => _committed;

    /// <summary>It takes so much of the host's memory that an idle guest should give it back.</summary>
    public bool IsLarge => _committed > LargeBytes;

    /// <summary>Entries of the branch table.</summary>
    public int Branches => _branches.Size;

    /// <summary>Code bytes in use.</summary>
    public nuint Used => (nuint)(_emitter.Position - _memory.Writable);

    /// <summary>Bytes that there may be for code.</summary>
    public nuint Reserved => _memory.Size;

    /// <summary>Where the code that all blocks share begins, in the view that can be written.</summary>
    public byte* Start => _memory.Writable;

    /// <summary>Where the code of blocks begins behind it.</summary>
    public byte* FirstBlock => _codeStart;

    /// <summary>Where the next code goes. Give the position back with <see cref="Commit"/>.</summary>
    public CodeEmitter Emitter => _emitter;

    /// <summary>
    /// True when there is room for a block of the longest kind and its entries. There is none either where more memory would be taken while
    /// half of what is in use belongs to blocks that were dropped: a guest that goes on writing its code would fill any amount.
    /// </summary>
    public bool HasRoom => (Used + RoomForBlock <= _committed || TryCommit()) && _cells + 2 <= StateMemory.Cells && _blocks.TryMakeRoom();

    /// <summary>The block at an address for a mode, or null.</summary>
    public TranslatedBlock* Find(byte* guest, ExecutionMode mode) => _blocks.Find(guest, mode);

    /// <summary>The block that a host address in the executable view belongs to, with its entries; null where it belongs to none.</summary>
    public TranslatedBlock* Containing(byte* executable) => _blocks.Containing(executable);

    /// <summary>Takes a block whose code was just written.</summary>
    /// <param name="block">What is known of it, without <see cref="TranslatedBlock.HostBytes"/>.</param>
    /// <param name="emitter">Behind its code.</param>
    public TranslatedBlock* Commit(in TranslatedBlock block, in CodeEmitter emitter)
    {
        TranslatedBlock* stored = _blocks.Add(in block);
        stored->HostBytes = (int)(emitter.Position - _emitter.Position);
        _emitter = emitter;
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

    /// <summary>
    /// The key cell for an entry of a block: that of its page and mode, or one of its own if the block can be dropped without its page.
    /// </summary>
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
        _branches.GrowFor(_blocks.Count);
        _branches[rip] = block->Entry;
    }

    /// <summary>Makes branches to a RIP come back for it.</summary>
    public void ForgetBranch(ulong rip) => _branches.Forget(rip);

    /// <summary>Drops the blocks of a page, and those that reach into it.</summary>
    /// <param name="first">The page's first block.</param>
    public override void Drop(void* first)
    {
        for (TranslatedBlock* block = (TranslatedBlock*)first; block != null; block = block->NextInPage) DropOne(block->Owner != null ? block->Owner : block);
    }

    /// <summary>Drops a block.</summary>
    public void DropOne(TranslatedBlock* block)
    {
        if (block->Dropped) return;
        block->Dropped = true;
        _droppedBytes += (nuint)block->HostBytes;
        _blocks.Remove(block);
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
    public TranslatedBlock* AddOwned(TranslatedBlock* owner, int bytes) =>
        _blocks.AddUnnamed(new TranslatedBlock { Guest = owner->SecondPage, GuestBytes = (ushort)bytes, Owner = owner });

    /// <summary>The second page of a block was found where it is expected.</summary>
    public void BindSecondPage(TranslatedBlock* block) => _keys[block->SecondCell] = _cpu->PageRip ^ _cpu->CodeKey;

    /// <summary>Drops everything and hands out the memory again.</summary>
    public override void Flush()
    {
        if (_blocks.Count == 0) return;
        _emitter = new CodeEmitter(_codeStart);
        _droppedBytes = 0;
        NativeMemory.Clear(_keys, (nuint)(_cells * sizeof(ulong)));
        _cells = 1;
        _cellsOfPages.Clear();
        _blocks.Clear();
        _branches.Clear();
        Flushes++;
    }

    /// <summary>Counts a flush that is about to be, for want of room.</summary>
    public void NoteFull()
    {
        TimesFull++;
        DroppedWhenFull += (ulong)_blocks.Count;
    }

    /// <summary>Gives the host the memory back. Behind <see cref="Flush"/>.</summary>
    public override void Release()
    {
        _branches.Shrink();
        TimesReleased++;
        if (_committed <= KeptBytes) return;
        _memory.Release(KeptBytes);
        _committed = KeptBytes;
    }

    /// <summary>Where a branch to a RIP goes: the code to enter with it.</summary>
    public byte* EntryFor(ulong rip) => _branches[rip];

    /// <summary>Every key becomes void.</summary>
    public override void ForgetKeys() => NativeMemory.Clear(_keys, (nuint)(_cells * sizeof(ulong)));

    /// <inheritdoc/>
    public void Dispose()
    {
        SignalHandler.Release(_guard);
        _memory.Dispose();
        _blocks.Dispose();
    }

    /// <summary>Asks the host for memory, until there is room for a block.</summary>
    /// <returns>False when the bound is reached, dropped blocks have too much of it, or the host has none to give.</returns>
    private bool TryCommit()
    {
        if (Used + RoomForBlock + _blocks.GrownBytes > _memory.Size || (IsLarge && _droppedBytes > Used / 2)) return false;
        while (_committed < Math.Min(Used + RoomForBlock, _memory.Size))
        {
            nuint bytes = Math.Min(CommitStep, _memory.Size - _committed);
            if (!_memory.TryCommit(_committed, bytes)) return false;
            _committed += bytes;
        }

        return Used + RoomForBlock <= _committed;
    }
}
