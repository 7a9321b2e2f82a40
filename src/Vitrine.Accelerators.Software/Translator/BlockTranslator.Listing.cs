using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Translator.Listing;

namespace Vitrine.Accelerators.Software.Translator;

/// <content>Translating for tools: what is written stays beyond what the cache has taken, so that the next block overwrites it.</content>
internal sealed unsafe partial class BlockTranslator
{
    // SAFETY: as in the main part.

    /// <summary>Where the next block's code will be written.</summary>
    public byte* NextCode => _cache.Emitter.Position;

    /// <summary>How guest code is decoded.</summary>
    public DecoderOptions DecoderOptions { get; private set; }

    /// <summary>Writes the code of a block where the next one will be, and doesn't keep it.</summary>
    /// <param name="guest">Host address of its first byte.</param>
    /// <param name="secondPage">Host address of the page that its only instruction goes on in; null as a rule.</param>
    /// <param name="mode">64-bit or flat 32-bit code.</param>
    /// <param name="sink">Is told where the parts begin.</param>
    /// <param name="block">What is known of the block.</param>
    /// <returns>Behind the code; null as <see cref="Translate(byte*, ExecutionMode, bool?)"/>.</returns>
    public byte* WriteListed(byte* guest, byte* secondPage, ExecutionMode mode, ICodeSink sink, out TranslatedBlock block)
    {
        ICodeSink? other = _sink;
        _sink = sink;
        _isListed = true;
        try
        {
            return TryWrite(guest, secondPage, mode, out block) ? _emitter.Position : null;
        }
        finally
        {
            _sink = other;
            _isListed = false;
        }
    }

    /// <summary>The guest code of the block just listed, from an offset in the page.</summary>
    /// <param name="offset">Offset of an instruction of the block, or of the one behind it.</param>
    /// <param name="length">How many bytes can be read.</param>
    public byte* ListedCode(int offset, out int length)
    {
        length = _isCrossing ? _start + MaxLength - offset : PageSize - offset;
        return _page + offset;
    }

    /// <summary>Writes the code by which branches from anywhere would enter the block just listed, with the first key.</summary>
    /// <returns>Behind the code.</returns>
    public byte* WriteListedEntry(in TranslatedBlock block)
    {
        EmitEntry(in block);
        EmitPollAndJump((int)((ulong)block.Guest & 0xFFF), block.Body);
        return _emitter.Position;
    }

    /// <summary>Is told of every block that is translated; for tests. Null, as a rule.</summary>
    public ICodeSink? Sink
    {
        get => _sink;
        set => _sink = value;
    }

    /// <summary>Writes the code of the first instructions of a block at <see cref="NextCode"/> and doesn't keep it.</summary>
    /// <param name="guest">Host address of its first byte.</param>
    /// <param name="mode">64-bit or flat 32-bit code.</param>
    /// <param name="instructions">How many, from 1. The block has them.</param>
    /// <returns>Where the code can be executed.</returns>
    public byte* WriteFirst(byte* guest, ExecutionMode mode, int instructions)
    {
        _limit = instructions;
        TryWrite(guest, null, mode, out TranslatedBlock block);
        _limit = MaxInstructions;
        return block.Body;
    }

    /// <summary>The arithmetic flags that translated code keeps up to date for an instruction of a block.</summary>
    /// <param name="guest">Host address of the block's first byte.</param>
    /// <param name="secondPage">Host address of the page that its only instruction goes on in; null as a rule.</param>
    /// <param name="mode">64-bit or flat 32-bit code.</param>
    /// <param name="instruction">The instruction's number, from 0. Behind the last one, all are kept.</param>
    public RflagsBits WantedFlags(byte* guest, byte* secondPage, ExecutionMode mode, int instruction) =>
        TryDecode(guest, secondPage, mode) && instruction < _count ? _wanted[instruction] : ArithmeticFlags;

    /// <summary>True when an instruction can be translated by what it is; what its operands hold may still send it to the interpreter.</summary>
    /// <param name="instruction">The instruction, decoded with <see cref="DecoderOptions"/>.</param>
    /// <param name="mode">64-bit or flat 32-bit code.</param>
    public bool CanTranslateAlone(in Instruction instruction, ExecutionMode mode)
    {
        _mode = mode;
        _is64 = (mode & ExecutionMode.Code64) != 0;
        _start = 0;
        return CanTranslate(in instruction);
    }
}
