using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Blocks;

/// <summary>
/// Decoded blocks by the host address of their bytes and mode. Memory is handed out upwards and never reused before everything
/// is flushed, so an operation that is running, or linked to, stays readable: invalidation only replaces its handler.
/// </summary>
internal sealed unsafe class BlockCache : IDisposable
{
    // SAFETY: all pointers are into the arena, the bucket table and the jump cache, which live as long as this object;
    // Allocate checks the room, and Flush runs only between blocks.
    private const int BucketCount = 1 << 15;

    private readonly byte* _arena;
    private readonly nuint _arenaBytes;
    private readonly bool _verifies;
    private readonly Block** _buckets;
    private readonly JumpCacheEntry* _jumps;
    private readonly Dictionary<ulong, CodePage> _pages = [];

    // Empty ones, for pages to come: a guest that goes on making code must not allocate.
    private readonly Stack<CodePage> _freePages = [];
    private nuint _used;
    private ulong _doubt = 1;
    private EngineCode? _engineCode;
    private INativeCode? _nativeCode;

    // Code that is written and run again and again asks for the same page each time.
    private ulong _lastKey = ulong.MaxValue;
    private CodePage? _lastPage;

    /// <summary>Reserves the arena; the host commits it as blocks fill it.</summary>
    /// <param name="arenaBytes">Size of the arena; room for one block at least.</param>
    /// <param name="verifies">Memory is written by others, who don't tell: code is kept with the bytes that it was made of, and compared with memory.</param>
    public BlockCache(nuint arenaBytes, bool verifies = false)
    {
        _arenaBytes = arenaBytes;
        _verifies = verifies;
        _arena = (byte*)NativeMemory.AlignedAlloc(arenaBytes, 4096);
        _buckets = (Block**)NativeMemory.AllocZeroed(BucketCount, (nuint)sizeof(Block*));
        _jumps = (JumpCacheEntry*)NativeMemory.AllocZeroed(JumpCache.Entries, (nuint)sizeof(JumpCacheEntry));
    }

    /// <summary>The jump cache that goes with the blocks.</summary>
    public JumpCacheEntry* Jumps => _jumps;

    /// <summary>The code of an engine that is dropped with the blocks of its page.</summary>
    public void Attach(EngineCode code) => _engineCode = code;

    /// <summary>Code that ends with the blocks of its page.</summary>
    public void Attach(INativeCode code) => _nativeCode = code;

    /// <summary>Blocks decoded since creation.</summary>
    public ulong Decoded { get; private set; }

    /// <summary>Times that a write to decoded code dropped the blocks of a page.</summary>
    public ulong Invalidations { get; private set; }

    /// <summary>Memory is written by others, who don't tell.</summary>
    public bool Verifies => _verifies;

    /// <summary>Times that the code of a page was compared with memory.</summary>
    public ulong Verifications { get; private set; }

    /// <summary>Times that code was dropped because memory was found to differ. Part of <see cref="Invalidations"/>.</summary>
    public ulong Differences { get; private set; }

    /// <summary>Times that everything was dropped: a cache was full, or everything may have changed.</summary>
    public ulong Flushes { get; private set; }

    /// <summary>Times that the interpreter's blocks alone were dropped because the arena was full.</summary>
    public ulong DecodedFlushes { get; private set; }

    /// <summary>The block at an address for a mode, or null.</summary>
    public Block* Find(byte* host, ExecutionMode mode)
    {
        for (Block* block = _buckets[Bucket(host)]; block != null; block = block->NextInBucket)
        {
            if (block->Host == host && block->Mode == mode) return block;
        }

        return null;
    }

    /// <summary>Room for a block of up to <paramref name="operations"/> operations. Null when the arena is full: flush, then try again.</summary>
    public Block* Allocate(int operations)
    {
        nuint bytes = (nuint)(sizeof(Block) + (operations * sizeof(Op)));
        if (_used + bytes > _arenaBytes) return null;
        Block* block = (Block*)(_arena + _used);
        NativeMemory.Clear(block, bytes);
        return block;
    }

    /// <summary>Others may have written to memory since. From now on <see cref="Verify"/> compares each page once before its code is used.</summary>
    public void Doubt() => _doubt++;

    /// <summary>What a page holds may be new: it has come to be mapped where it was not, or a block of it was found to differ.</summary>
    /// <param name="host">A host address in it.</param>
    public void Suspect(byte* host)
    {
        if (TryFind(PageKey(host), out CodePage? page)) page.VerifiedFor = 0;
    }

    /// <summary>
    /// Where memory is written by others: compares the code of a page with memory, unless it was since the last doubt, and drops it if they differ. Comes before
    /// code of the page is looked up.
    /// </summary>
    /// <param name="host">A host address in the page.</param>
    public void Verify(byte* host)
    {
        if (!_verifies || !TryFind(PageKey(host), out CodePage? page) || page.VerifiedFor == _doubt) return;
        page.VerifiedFor = _doubt;
        if (page.IsEmpty) return;
        Verifications++;
        if (page.Differs((byte*)PageKey(host))) DropDifferent(page, host);
    }

    /// <summary>Takes the block that was just built in the room from <see cref="Allocate"/>.</summary>
    /// <param name="block">The block.</param>
    /// <param name="source">Where memory is written by others: the copy of the page that it was decoded from.</param>
    public void Commit(Block* block, byte* source = null)
    {
        CodePage page = PageFor(block->Host, source);
        _used += (nuint)(sizeof(Block) + (block->Count * sizeof(Op)));
        Decoded++;
        Block** bucket = _buckets + Bucket(block->Host);
        block->NextInBucket = *bucket;
        *bucket = block;
        page.Cover(Offset(block->Host), block->Bytes, source);
        if (source != null) block->Source = page.Source + Offset(block->Host);
        block->NextInPage = page.First;
        page.First = block;
    }

    /// <summary>Takes note of an engine's block.</summary>
    /// <param name="block">The block.</param>
    /// <param name="guest">Host address of its first guest byte.</param>
    /// <param name="bytes">Bytes of guest code.</param>
    /// <param name="lookedAt">Other code of the page that it depends on: offsets and lengths in bytes.</param>
    /// <param name="source">Where memory is written by others: the copy of the page that it was made of.</param>
    /// <returns>The block that was committed for the page before, to which the engine links this one; null for the first.</returns>
    public void* Commit(void* block, byte* guest, int bytes, IReadOnlyList<(int Offset, int Bytes)> lookedAt, byte* source = null)
    {
        CodePage page = PageFor(guest, source);
        void* next = page.FirstOfEngine;
        page.FirstOfEngine = block;
        page.Cover(Offset(guest), bytes, source);
        for (int i = 0; i < lookedAt.Count; i++) page.Cover(lookedAt[i].Offset, lookedAt[i].Bytes, source);
        return next;
    }

    /// <summary>A page is about to be executed as it is: its writes must come to <see cref="Invalidate"/>.</summary>
    /// <param name="host">A host address in it.</param>
    public void NoteNative(byte* host)
    {
        CodePage page = PageFor(host, null);
        page.RunsNatively = true;
        page.Cover(0, (int)X86.Paging.Page.Size, null);
    }

    /// <summary>Host addresses of the pages that hold decoded code, or did a moment ago.</summary>
    public Dictionary<ulong, CodePage>.KeyCollection Pages => _pages.Keys;

    /// <summary>True when the page of a host address holds decoded code, or did a moment ago: its writes must come to <see cref="Invalidate"/>.</summary>
    public bool HasCode(byte* host) => TryFind(PageKey(host), out _);

    /// <summary>
    /// Bytes of a page are about to change. Drops the page's blocks if code was decoded from them.
    /// </summary>
    /// <param name="host">Host address of the first byte.</param>
    /// <param name="size">Bytes; the range lies within one page.</param>
    public void Invalidate(byte* host, int size)
    {
        // A page that code was dropped from gets new code soon, if it ever does: only many writes make it an ordinary one again.
        const int WritesUntilOrdinary = 64;
        if (!TryFind(PageKey(host), out CodePage? page)) return;
        if (page.Covered.Covers(Offset(host), size))
        {
            bool isNativeOnly = page is { RunsNatively: true, First: null, FirstOfEngine: null };
            Drop(page, host);
            if (isNativeOnly) MakeOrdinary(page, host);
            return;
        }

        if (!page.IsEmpty || ++page.WritesSinceDrop < WritesUntilOrdinary) return;
        MakeOrdinary(page, host);
    }

    /// <summary>Drops the blocks of the page of a host address, if there are any.</summary>
    public void DropPage(byte* host)
    {
        if (TryFind(PageKey(host), out CodePage? page) && !page.IsEmpty) Drop(page, host);
    }

    /// <summary>
    /// Drops everything, and hands out the memory again: the operations of before must not be touched any more.
    /// </summary>
    public void Flush()
    {
        foreach (CodePage page in _pages.Values) Release(page);
        _pages.Clear();
        ForgetLast();
        _used = 0;
        NativeMemory.Clear(_buckets, (nuint)(BucketCount * sizeof(Block*)));
        ForgetJumps();
        _engineCode?.Flush();
        _nativeCode?.EndAllCode();
        Flushes++;
    }

    /// <summary>
    /// Drops the interpreter's blocks, and hands out their memory again; translations stay. What is covered of a page may be too much from now on: at worst a write
    /// drops its translations in vain.
    /// </summary>
    public void FlushDecoded()
    {
        foreach (CodePage page in _pages.Values) page.First = null;
        _used = 0;
        NativeMemory.Clear(_buckets, (nuint)(BucketCount * sizeof(Block*)));
        NativeMemory.Clear(_jumps, (nuint)(JumpCache.Entries * sizeof(JumpCacheEntry)));
        DecodedFlushes++;
    }

    /// <summary>Gives the host back the memory of translations and blocks. Behind <see cref="Flush"/>, and where there is a translator only.</summary>
    public void Release()
    {
        StateMemory.Discard(_arena, _arenaBytes & ~(nuint)0xFFF);
        foreach (CodePage page in _freePages) page.Dispose();
        _engineCode?.Release();
    }

    /// <summary>Empties the jump cache, and makes every key of a translation void.</summary>
    public void ForgetJumps()
    {
        NativeMemory.Clear(_jumps, (nuint)(JumpCache.Entries * sizeof(JumpCacheEntry)));
        _engineCode?.ForgetKeys();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (CodePage page in _pages.Values) page.Dispose();
        foreach (CodePage page in _freePages) page.Dispose();
        NativeMemory.AlignedFree(_arena);
        NativeMemory.Free(_buckets);
        NativeMemory.Free(_jumps);
    }

    private static uint Bucket(byte* host) => (uint)(((ulong)host ^ ((ulong)host >> 13)) * 0x9E3779B1) >> 17;

    private static ulong PageKey(byte* host) => (ulong)host & ~0xFFFUL;

    private static int Offset(byte* host) => (int)((ulong)host & 0xFFF);

    private void Unlink(Block* block)
    {
        Block** link = _buckets + Bucket(block->Host);
        while (*link != block) link = &(*link)->NextInBucket;
        *link = block->NextInBucket;
    }

    private void Drop(CodePage page, byte* host)
    {
        if (page.RunsNatively) _nativeCode!.EndCode((byte*)PageKey(host));
        for (Block* block = page.First; block != null; block = block->NextInPage)
        {
            Unlink(block);
            block->Dropped = true;
            Op* ops = Block.Ops(block);
            for (int i = 0; i < block->Count; i++) ops[i].Handler = &Stale;
        }

        _engineCode?.Drop(page.FirstOfEngine);
        page.Empty();
        Invalidations++;
    }

    /// <summary>The handler of an operation whose block was dropped: continues at its instruction through the dispatcher.</summary>
    private static Op* Stale(CpuState* cpu, Op* op)
    {
        cpu->Rip = cpu->BlockRip + op->RipOffset;
        if (op->RipOffset != 0) cpu->Instructions += (op - 1)->Position;
        cpu->Leave = LeaveReason.NextBlock;
        return null;
    }

    private void DropDifferent(CodePage page, byte* host)
    {
        Differences++;
        Drop(page, host);
    }

    /// <summary>The page that a block is about to be added to.</summary>
    private CodePage PageFor(byte* host, byte* source)
    {
        ulong key = PageKey(host);
        if (!TryFind(key, out CodePage? page))
        {
            if (!_freePages.TryPop(out page)) page = new CodePage();
            page.VerifiedFor = _doubt;
            _pages.Add(key, page);
        }

        // Somebody has written since the page was verified, or has not ended: what was made of other bytes must not stay beside these.
        if (source != null && page.Differs(source)) DropDifferent(page, host);
        return page;
    }

    private bool TryFind(ulong key, [NotNullWhen(true)] out CodePage? page)
    {
        if (key == _lastKey)
        {
            page = _lastPage!;
            return true;
        }

        if (!_pages.TryGetValue(key, out page)) return false;
        (_lastKey, _lastPage) = (key, page);
        return true;
    }

    private void ForgetLast() => (_lastKey, _lastPage) = (ulong.MaxValue, null);

    private void MakeOrdinary(CodePage page, byte* host)
    {
        _pages.Remove(PageKey(host));
        ForgetLast();
        Release(page);
    }

    private void Release(CodePage page)
    {
        page.Empty();
        _freePages.Push(page);
    }
}
