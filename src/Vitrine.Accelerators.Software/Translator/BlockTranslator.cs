using System.Diagnostics;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.Accelerators.Software.Translator.Listing;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>Translates guest blocks into a cache, and adds ways into them.</summary>
internal sealed unsafe class BlockTranslator : IDisposable
{
    // SAFETY: guest code is read within its page, and code is written where the cache has MaxHostBytes left.

    /// <summary>Most instructions in a block.</summary>
    public const int MaxInstructions = BlockContext.MaxInstructions;

    /// <summary>More than the code of any block needs.</summary>
    public const int MaxHostBytes = MaxInstructions * 512;

    private readonly TranslationCache _cache;
    private readonly BlockWriter _writer;

    /// <summary>Creates a translator that writes into a cache.</summary>
    /// <param name="cache">The cache.</param>
    /// <param name="exact">
    /// For lockstep: flags are kept that only another block overwrites, and strings are no longer than the interpreter's trial.
    /// </param>
    /// <param name="shares">The machine has several vCPUs: one that spins may have to make room for the one that it waits for.</param>
    /// <param name="counts">The code counts what it does.</param>
    /// <param name="copies">Memory is written by others: code is made of copies of its pages.</param>
    public BlockTranslator(TranslationCache cache, bool exact, bool shares, bool counts = false, bool copies = false)
    {
        _cache = cache;
        _writer = new BlockWriter(cache, exact, shares, counts, copies);
        Preview = new BlockPreview(cache, _writer);
    }

    /// <summary>Translations that nobody keeps.</summary>
    public BlockPreview Preview { get; }

    /// <summary>Code of the same page that the last translated block depends on besides its own: offsets and lengths in bytes.</summary>
    public IReadOnlyList<(int Offset, int Bytes)> LookedAt => _writer.Liveness.LookedAt;

    /// <summary>How long translating took, in ticks of <see cref="Stopwatch"/>; 0 without counters.</summary>
    public long Ticks => _writer.Counters.Ticks;

    /// <summary>Bytes of host code that only count.</summary>
    public ulong CounterBytes => _writer.Counters.Bytes;

    /// <summary>How guest code is decoded.</summary>
    public DecoderOptions DecoderOptions => _writer.Decoder.Options;

    /// <summary>The copy of the page that the last block was made of; null where code is made of memory itself.</summary>
    public byte* Source => _writer.Decoder.Source;

    /// <summary>The same of its second page.</summary>
    public byte* SecondSource => _writer.Decoder.SecondSource;

    /// <summary>Bytes of the last translated block that lie in its second page.</summary>
    public int BytesInSecondPage => _writer.Block.End - BlockContext.PageSize;

    /// <summary>Is told of every block that is translated; for tests. Null, as a rule.</summary>
    public ICodeSink? Sink
    {
        get => _writer.Sink;
        set => _writer.Sink = value;
    }

    /// <summary>Sets the instructions that the guest's processor has besides those of the interpreter.</summary>
    /// <param name="native">Which they are; null for none.</param>
    public void Use(HostBinder? native) => _writer.Decoder.Use(native);

    /// <summary>Translates the block at a host address.</summary>
    /// <param name="guest">Host address of its first byte.</param>
    /// <param name="mode">64-bit or flat 32-bit code.</param>
    /// <param name="entry">
    /// A branch from anywhere wants to enter it: whether its page is global. Null when one within the page does.
    /// </param>
    /// <returns>The block, in the cache; null when not even the first instruction ends in the page.</returns>
    public TranslatedBlock* Translate(byte* guest, ExecutionMode mode, bool? entry = null) => Translate(guest, null, mode, entry);

    /// <summary>Translates the only instruction at a host address that reaches into the next page.</summary>
    /// <param name="guest">Host address of its first byte.</param>
    /// <param name="secondPage">Host address of the page that it goes on in.</param>
    /// <param name="mode">64-bit or flat 32-bit code.</param>
    /// <returns>The block, in the cache; null when the interpreter has to execute it.</returns>
    public TranslatedBlock* TranslateCrossing(byte* guest, byte* secondPage, ExecutionMode mode) =>
        Translate(guest, secondPage, mode, null);

    /// <summary>Writes the code by which branches from anywhere enter a block.</summary>
    /// <param name="block">The block. An entry that it has is replaced.</param>
    /// <param name="isGlobal">Its page is global: the key holds in all address spaces.</param>
    public void AddEntry(TranslatedBlock* block, bool isGlobal)
    {
        _writer.Block.Asm = _cache.Emitter;
        _writer.Entries.Place(ref *block, isGlobal);
        CommitEntry(block);
    }

    /// <summary>Writes the code by which branches backwards in the same page enter a block.</summary>
    public void AddLoopEntry(TranslatedBlock* block)
    {
        _writer.Block.Asm = _cache.Emitter;
        block->LoopEntry = _cache.Emitter.Position + _cache.ToExecutable;
        CommitEntry(block);
    }

    /// <summary>From now on the accesses of an instruction look into the TLB at once.</summary>
    /// <param name="guest">Host address of its first byte.</param>
    /// <returns>False when they did already.</returns>
    public bool Scatter(byte* guest) => _writer.Memory.Scatter(guest);

    /// <summary>
    /// True when an instruction can be translated by what it is; what its operands hold may still send it to the interpreter.
    /// </summary>
    /// <param name="instruction">The instruction, decoded with <see cref="DecoderOptions"/>.</param>
    /// <param name="mode">64-bit or flat 32-bit code.</param>
    public bool CanTranslateAlone(in Instruction instruction, ExecutionMode mode)
    {
        _writer.Block.Begin(null, null, 0, mode, isCrossing: false);
        return _writer.Rules.CanTranslate(in instruction);
    }

    /// <summary>The offset in a page before which translations end from now on. Those that there are have to be dropped.</summary>
    public void StopBefore(int offset) => _writer.Block.StopOffset = offset;

    /// <inheritdoc/>
    public void Dispose() => _writer.Dispose();

    private TranslatedBlock* Translate(byte* guest, byte* secondPage, ExecutionMode mode, bool? entry)
    {
        long start = _writer.Counters.Now;
        bool written = _writer.TryWrite(guest, secondPage, mode, entry, isKept: true, out TranslatedBlock block);
        TranslatedBlock* stored = written ? _cache.Commit(in block, in _writer.Block.Asm) : null;
        _writer.Counters.NoteTranslationSince(start);
        return stored;
    }

    private void CommitEntry(TranslatedBlock* block)
    {
        _writer.Entries.PollAndEnter(in *block);
        _cache.CommitEntry(block, in _writer.Block.Asm);
    }
}
