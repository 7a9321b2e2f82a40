using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Translator.Analysis;
using Vitrine.Accelerators.Software.Translator.Listing;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>
/// Translations for tools and for lockstep: what is written stays beyond what the cache has taken, so that the next block overwrites it.
/// </summary>
/// <param name="cache">The cache.</param>
/// <param name="writer">The translator's.</param>
internal sealed unsafe class BlockPreview(TranslationCache cache, BlockWriter writer)
{
    // SAFETY: as BlockWriter; the caller reads what was written before the next block is.

    /// <summary>Where the next block's code will be written.</summary>
    public byte* NextCode => cache.Emitter.Position;

    /// <summary>How guest code is decoded.</summary>
    public DecoderOptions DecoderOptions => writer.Decoder.Options;

    /// <summary>Bytes of the last block that lie in its second page.</summary>
    public int BytesInSecondPage => writer.Block.End - BlockContext.PageSize;

    /// <summary>Writes the code of a block at <see cref="NextCode"/>.</summary>
    /// <param name="guest">Host address of its first byte.</param>
    /// <param name="secondPage">Host address of the page that its only instruction goes on in; null as a rule.</param>
    /// <param name="mode">64-bit or flat 32-bit code.</param>
    /// <param name="sink">Is told where the parts begin.</param>
    /// <param name="block">What is known of the block.</param>
    /// <returns>The end of the code; null when not even the first instruction ends in the page.</returns>
    public byte* Write(byte* guest, byte* secondPage, ExecutionMode mode, ICodeSink sink, out TranslatedBlock block)
    {
        ICodeSink? other = writer.Sink;
        writer.Sink = sink;
        try
        {
            return writer.TryWrite(guest, secondPage, mode, entry: null, isKept: false, out block) ? writer.Block.Asm.Position : null;
        }
        finally
        {
            writer.Sink = other;
        }
    }

    /// <summary>Writes the code by which branches from anywhere would enter the block just written, with the first key.</summary>
    /// <returns>The end of the code.</returns>
    public byte* WriteEntry(in TranslatedBlock block)
    {
        writer.Entries.Emit(in block);
        writer.Entries.PollAndEnter(in block);
        return writer.Block.Asm.Position;
    }

    /// <summary>The guest code of the block just written, from an offset in the page.</summary>
    /// <param name="offset">Offset of an instruction of the block, or of the one after it.</param>
    /// <param name="length">How many bytes can be read.</param>
    public byte* GuestCode(int offset, out int length)
    {
        BlockContext block = writer.Block;
        length = block.IsCrossing ? block.Start + BlockContext.MaxLength - offset : BlockContext.PageSize - offset;
        return block.Source + offset;
    }

    /// <summary>Writes the code of the first instructions of a block at <see cref="NextCode"/>.</summary>
    /// <param name="guest">Host address of its first byte.</param>
    /// <param name="mode">64-bit or flat 32-bit code.</param>
    /// <param name="instructions">How many, from 1. The block has them.</param>
    /// <returns>Where the code can be executed.</returns>
    public byte* WriteFirst(byte* guest, ExecutionMode mode, int instructions)
    {
        writer.Decoder.Limit = instructions;
        writer.TryWrite(guest, null, mode, entry: null, isKept: true, out TranslatedBlock block);
        writer.Decoder.Limit = BlockContext.MaxInstructions;
        return block.Body;
    }

    /// <summary>The arithmetic flags that translated code keeps up to date for an instruction of a block.</summary>
    /// <param name="guest">Host address of the block's first byte.</param>
    /// <param name="secondPage">Host address of the page that its only instruction goes on in; null as a rule.</param>
    /// <param name="mode">64-bit or flat 32-bit code.</param>
    /// <param name="instruction">The instruction's number, from 0. After the last one, all are kept.</param>
    public RflagsBits WantedFlags(byte* guest, byte* secondPage, ExecutionMode mode, int instruction) =>
        writer.TryDecode(guest, secondPage, mode) && instruction < writer.Block.Count
            ? writer.Liveness.Before(instruction)
            : FlagLiveness.Arithmetic;
}
