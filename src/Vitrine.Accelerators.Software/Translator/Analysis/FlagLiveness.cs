using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Translator.Analysis;

/// <summary>
/// Which arithmetic flags somebody wants, at each instruction of a block: those that it or one that follows reads, or that leave the block
/// for code that may read them.
/// </summary>
/// <param name="block">The block.</param>
/// <param name="decoder">For code that branches lead to.</param>
/// <param name="rules">Which of that code is translated.</param>
internal sealed class FlagLiveness(BlockContext block, BlockDecoder decoder, TranslationRules rules)
{
    /// <summary>OF, SF, ZF, AF, CF and PF.</summary>
    public const RflagsBits Arithmetic =
        RflagsBits.OF | RflagsBits.SF | RflagsBits.ZF | RflagsBits.AF | RflagsBits.CF | RflagsBits.PF;

    private const int MaxOperand = 64;

    private readonly RflagsBits[] _wanted = new RflagsBits[BlockContext.MaxInstructions];
    private readonly RflagsBits[] _wantedAfter = new RflagsBits[BlockContext.MaxInstructions];
    private readonly RflagsBits[] _modified = new RflagsBits[BlockContext.MaxInstructions];
    private readonly RflagsBits[] _read = new RflagsBits[BlockContext.MaxInstructions];
    private readonly List<(int Offset, int Bytes)> _lookedAt = [];

    /// <summary>Code of the same page that the block depends on besides its own: offsets and lengths in bytes.</summary>
    public IReadOnlyList<(int Offset, int Bytes)> LookedAt => _lookedAt;

    /// <summary>The flags that are wanted before an instruction.</summary>
    public RflagsBits Before(int i) => _wanted[i];

    /// <summary>The flags that are wanted after an instruction.</summary>
    public RflagsBits After(int i) => _wantedAfter[i];

    /// <summary>The flags that an instruction changes or may change.</summary>
    public RflagsBits Modified(int i) => _modified[i];

    /// <summary>The flags that an instruction reads.</summary>
    public RflagsBits Read(int i) => _read[i];

    /// <summary>Forgets what a block before depended on.</summary>
    public void Begin() => _lookedAt.Clear();

    /// <summary>Looks at a block, backwards.</summary>
    public void Find()
    {
        // What lies behind a branch that is always taken, data perhaps, is no part of the block.
        RflagsBits wanted = block.EndsInterpreted || !GoesOn() || AreWantedAt(block.End) ? Arithmetic : 0;
        for (int i = block.Count - 1; i >= 0; i--)
        {
            ref readonly Instruction instruction = ref block.Instructions[i];
            ref readonly InstructionShape shape = ref InstructionShapes.Of(instruction.Code);
            RflagsBits modified = _modified[i] = instruction.RflagsModified & Arithmetic;
            RflagsBits read = _read[i] = instruction.RflagsRead & Arithmetic;
            if (WritesToItsPage(in instruction)) wanted = Arithmetic;
            _wantedAfter[i] = wanted;
            if (shape.Kind == InstructionKind.ConditionalJump) wanted |= AreWantedAt(block.TargetOffset(in instruction)) ? Arithmetic : 0;
            else if (shape.Kind == InstructionKind.Jump) wanted = AreWantedAt(block.TargetOffset(in instruction)) ? Arithmetic : 0;
            else if (Leaves(shape.Kind)) wanted = Arithmetic;
            else if (!shape.MayKeepFlags) wanted &= ~modified;
            wanted |= read;
            _wanted[i] = wanted;
        }
    }

    /// <summary>
    /// True unless the code at a place of the page is sure to overwrite all flags before anything can see them but a fault or an interrupt,
    /// whose frames may then hold flags of before. What was looked at for the answer is part of the block: a write to it drops both.
    /// </summary>
    /// <param name="target">The place, as its distance from the start of the page.</param>
    public bool AreWantedAt(long target)
    {
        const int LookAhead = 12;
        bool alone = block.IsExact || block.StopOffset != StopPoint.None || block.IsCrossing || (block.Mode & ExecutionMode.SelfChecking) != 0;
        if (alone || target is < 0 or >= BlockContext.PageSize) return true;
        Decoder ahead = decoder.At((int)target);
        RflagsBits open = Arithmetic;
        for (int i = 0; i < LookAhead; i++)
        {
            ahead.Decode(out Instruction instruction);
            if (ahead.LastError == DecoderError.NoMoreBytes) return true;
            ref readonly InstructionShape shape = ref InstructionShapes.Of(instruction.Code);
            if (Leaves(shape.Kind) || (instruction.RflagsRead & Arithmetic) != 0) return true;
            if (!rules.CanTranslate(in instruction) || WritesToItsPage(in instruction)) return true;
            if (!shape.MayKeepFlags) open &= ~instruction.RflagsModified;
            if (open != 0) continue;
            _lookedAt.Add(((int)target, (int)((long)ahead.IP + block.Start - target)));
            return false;
        }

        return true;
    }

    private bool GoesOn() => block.Instructions[block.Count - 1].FlowControl is FlowControl.Next or FlowControl.ConditionalBranch;

    /// <summary>The block can be left here for somewhere else than the next instruction, without a fault.</summary>
    private static bool Leaves(InstructionKind kind) =>
        kind is InstructionKind.Divide or InstructionKind.SignedDivide or InstructionKind.PushFlags or InstructionKind.SetInterrupts or
            InstructionKind.MoveString or InstructionKind.StoreString or >= InstructionKind.ConditionalJump and <= InstructionKind.Return;

    /// <summary>
    /// Its operand says that it writes to the page that it lies in, and so to code, perhaps to what would overwrite flags after it. Such a
    /// write is the interpreter's anyway.
    /// </summary>
    private bool WritesToItsPage(in Instruction instruction) =>
        instruction.MemoryBase == Register.RIP && InstructionShapes.Of(instruction.Code).WritesRm &&
        block.AddressOf(in instruction).Displacement is > -MaxOperand and < BlockContext.PageSize;
}
