using System.Diagnostics;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.Translator.Analysis;
using Vitrine.Accelerators.Software.Translator.Counting;
using static Vitrine.Accelerators.Software.Translator.StateOperand;

namespace Vitrine.Accelerators.Software.Translator.Emission;

/// <summary>Counters in translated code, for statistics; without them nothing of this is written.</summary>
/// <param name="block">The block.</param>
/// <param name="counts">Counters are wanted.</param>
internal sealed unsafe class BlockCounters(BlockContext block, bool counts)
{
    // SAFETY: subtracts addresses of code; nothing is read.
    private int _uncounted;
    private int _bytes;

    /// <summary>How long translating took, in ticks of <see cref="Stopwatch"/>; 0 without counters.</summary>
    public long Ticks { get; private set; }

    /// <summary>Bytes of host code that only count.</summary>
    public ulong Bytes { get; private set; }

    /// <summary>When the translation of a block begins; 0 without counters.</summary>
    public long Now => counts ? Stopwatch.GetTimestamp() : 0;

    /// <summary>Begins a block.</summary>
    public void Begin()
    {
        _uncounted = 0;
        _bytes = 0;
    }

    /// <summary>Notes how long a translation took.</summary>
    public void NoteTranslationSince(long start)
    {
        if (!counts) return;
        Ticks += Stopwatch.GetTimestamp() - start;
        Bytes += (ulong)_bytes;
        _bytes = 0;
    }

    /// <summary>Counts one. Destroys the flags.</summary>
    public void Count(TranslationCounter counter)
    {
        if (!counts) return;
        byte* start = block.Asm.Position;
        block.Asm.Inc(Counter(counter), OperandSize.Qword);
        _bytes += (int)(block.Asm.Position - start);
    }

    /// <summary>
    /// Before an instruction: counts those before it if it may leave the block before it is complete, and itself too if it is a branch. A
    /// branch that faults is taken back by <see cref="TranslatorEngine"/>.
    /// </summary>
    public void CountInstruction(int i)
    {
        if (!counts) return;
        ref readonly Instruction instruction = ref block.Instructions[i];
        if (instruction.FlowControl != FlowControl.Next)
        {
            _uncounted++;
            CountInstructions();
            return;
        }

        InstructionKind kind = InstructionShapes.Of(instruction.Code).Kind;
        bool stays = kind is InstructionKind.Nothing or InstructionKind.Lea or InstructionKind.ShortIncrement or InstructionKind.ReadSegment ||
            (kind == InstructionKind.Copied && !TranslationRules.HasMemory(in instruction));
        if (!stays) CountInstructions();
        _uncounted++;
    }

    /// <summary>Counts the instructions since the last count. Changes no register and no flag.</summary>
    public void CountInstructions()
    {
        if (!counts || _uncounted == 0) return;
        byte* start = block.Asm.Position;
        block.Asm.Mov(Counter(TranslationCounter.Saved), RegisterMap.First);
        block.Asm.Mov(RegisterMap.First, Counter(TranslationCounter.Instructions));
        block.Asm.Lea(RegisterMap.First, new HostOperand(RegisterMap.First, _uncounted));
        block.Asm.Mov(Counter(TranslationCounter.Instructions), RegisterMap.First);
        block.Asm.Mov(RegisterMap.First, Counter(TranslationCounter.Saved));
        _uncounted = 0;
        _bytes += (int)(block.Asm.Position - start);
    }

    private static HostOperand Counter(TranslationCounter counter) => State(CpuOffsets.Counters + ((int)counter * sizeof(ulong)));
}
