using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Translator;
using Decoder = Iced.Intel.Decoder;

namespace Vitrine.Accelerators.Software.Lockstep;

/// <summary>What the instructions of blocks do to the flags, found out once for each block.</summary>
internal sealed unsafe class FlagEffects
{
    // SAFETY: reads the guest bytes of a block, which its page holds while the block is in the cache.
    private const int MaxLength = 15;

    private readonly Dictionary<nint, FlagEffect[]> _blocks = [];
    private readonly PageCodeReader _reader = new();
    private ulong _flushes;

    /// <summary>The effects of a block's instructions.</summary>
    /// <param name="block">The block.</param>
    /// <param name="flushes">How often all blocks were dropped: after that, blocks are other ones.</param>
    /// <param name="options">How guest code is decoded.</param>
    public FlagEffect[] Of(TranslatedBlock* block, ulong flushes, DecoderOptions options)
    {
        if (_flushes != flushes) _blocks.Clear();
        _flushes = flushes;
        if (_blocks.TryGetValue((nint)block, out FlagEffect[]? effects)) return effects;
        effects = Find(block, options);
        _blocks.Add((nint)block, effects);
        return effects;
    }

    private FlagEffect[] Find(TranslatedBlock* block, DecoderOptions options)
    {
        FlagEffect[] effects = new FlagEffect[block->Instructions];
        byte* joined = stackalloc byte[MaxLength];
        if (block->SecondPage != null)
        {
            for (int i = 0; i < MaxLength; i++) joined[i] = i < block->GuestBytes ? block->Guest[i] : block->SecondPage[i - block->GuestBytes];
            _reader.Start(joined, MaxLength);
        }
        else
        {
            _reader.Start(block->Guest, block->GuestBytes);
        }

        Decoder decoder = Decoder.Create((block->Mode & ExecutionMode.Code64) != 0 ? 64 : 32, _reader, options);
        for (int i = 0; i < effects.Length; i++)
        {
            decoder.Decode(out Instruction instruction);
            effects[i] = new FlagEffect(instruction.RflagsModified, instruction.RflagsUndefined);
        }

        return effects;
    }
}
