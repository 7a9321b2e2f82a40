using System.Diagnostics;
using Iced.Intel;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.Translator.Counting;

namespace Vitrine.Accelerators.Software.Translator;

/// <content>Counters in translated code, for statistics; without them nothing of this is written.</content>
internal sealed unsafe partial class BlockTranslator
{
    // SAFETY: as in the main part.
    private int _uncounted;
    private int _counterBytes;

    /// <summary>How long translating took, in ticks of <see cref="Stopwatch"/>; 0 without counters.</summary>
    public long Ticks { get; private set; }

    /// <summary>Bytes of host code that only count.</summary>
    public ulong CounterBytes { get; private set; }

    private long StartOfTranslation => _counts ? Stopwatch.GetTimestamp() : 0;

    private void NoteTranslationSince(long start)
    {
        if (!_counts) return;
        Ticks += Stopwatch.GetTimestamp() - start;
        CounterBytes += (ulong)_counterBytes;
        _counterBytes = 0;
    }

    /// <summary>Counts one. Destroys the flags.</summary>
    private void Count(TranslationCounter counter)
    {
        if (!_counts) return;
        byte* start = _emitter.Position;
        _emitter.Inc(Counter(counter), OperandSize.Qword);
        _counterBytes += (int)(_emitter.Position - start);
    }

    /// <summary>
    /// Before an instruction: counts those before it if it may leave the block before it is complete, and itself too if it is a branch. A branch that faults is
    /// taken back by <see cref="Counting.ExecutionCounters"/>.
    /// </summary>
    private void CountInstruction(int i)
    {
        if (!_counts) return;
        ref readonly Instruction instruction = ref _instructions[i];
        if (instruction.FlowControl != FlowControl.Next)
        {
            _uncounted++;
            CountInstructions();
            return;
        }

        InstructionKind kind = InstructionShapes.Of(instruction.Code).Kind;
        bool stays = kind is InstructionKind.Nothing or InstructionKind.Lea or InstructionKind.ShortIncrement ||
            (kind == InstructionKind.Copied && MemoryOperand(in instruction) < 0);
        if (!stays) CountInstructions();
        _uncounted++;
    }

    /// <summary>Counts the instructions since the last count. Changes no register and no flag.</summary>
    private void CountInstructions()
    {
        if (!_counts || _uncounted == 0) return;
        byte* start = _emitter.Position;
        _emitter.Mov(Counter(TranslationCounter.Saved), RegisterMap.First);
        _emitter.Mov(RegisterMap.First, Counter(TranslationCounter.Instructions));
        _emitter.Lea(RegisterMap.First, new HostOperand(RegisterMap.First, _uncounted));
        _emitter.Mov(Counter(TranslationCounter.Instructions), RegisterMap.First);
        _emitter.Mov(RegisterMap.First, Counter(TranslationCounter.Saved));
        _uncounted = 0;
        _counterBytes += (int)(_emitter.Position - start);
    }

    private HostOperand Counter(TranslationCounter counter) => State(_at.Counters + ((int)counter * sizeof(ulong)));
}
