using Iced.Intel;
using Vitrine.Accelerators.Software.Interpreter.Decode;

namespace Vitrine.Accelerators.Software.Translator.Analysis;

/// <summary>
/// The shapes of instruction codes, put together at their first use: from <see cref="InstructionTable"/>, which says what is done with an
/// instruction, and <see cref="OperandTable"/>, which says where its operands are.
/// </summary>
internal static class InstructionShapes
{
    private static readonly InstructionShape[] s_shapes = new InstructionShape[IcedConstants.CodeCount];

    /// <summary>The shape of an instruction code.</summary>
    public static ref readonly InstructionShape Of(Code code)
    {
        ref InstructionShape shape = ref s_shapes[(int)code];
        if (shape.Kind == InstructionKind.Unknown) shape = Find(code);
        return ref shape;
    }

    private static InstructionShape Find(Code code)
    {
        OpcodeFacts facts = OpcodeFacts.Of(code);
        if (!facts.IsKnown) return Interpreted;
        InstructionTable.TryFind(code, out InstructionKind form);
        if (form is InstructionKind.MoveString or InstructionKind.StoreString or InstructionKind.ReadSegment) return new InstructionShape(form);

        InstructionTable.TryFind(code.Mnemonic(), out InstructionKind kind, out InstructionTraits traits);
        if (form != InstructionKind.Unknown) kind = form;
        if (kind == InstructionKind.Interpreted || !TryAddOperands(code, facts, ref traits, out int immediateBytes)) return Interpreted;
        if (IsX87(code)) traits |= InstructionTraits.IsX87;
        traits = Complete(code, facts, traits);

        bool hasFile = (traits & (InstructionTraits.IsX87 | InstructionTraits.IsVector)) != 0;
        if (kind == InstructionKind.Unknown && hasFile) kind = InstructionKind.Copied;
        bool isForOtherModes = kind == InstructionKind.Copied && !facts.IsFor64Bits && (traits & InstructionTraits.IsX87) == 0;
        bool isWord = (traits & InstructionTraits.NoWord) != 0 && facts.IsWord;
        if (kind == InstructionKind.Unknown || isForOtherModes || isWord) return Interpreted;
        return new InstructionShape(kind, (byte)immediateBytes, traits);
    }

    private static InstructionShape Interpreted => new(InstructionKind.Interpreted);

    private static bool TryAddOperands(Code code, OpcodeFacts facts, ref InstructionTraits traits, out int immediateBytes)
    {
        // With one operand the product goes to RDX:RAX.
        bool widens = code.Mnemonic() == Mnemonic.Imul && facts.OperandCount == 1;
        bool writesFirst = (traits & InstructionTraits.ReadsFirst) == 0 && !widens;
        bool writesSecond = (traits & InstructionTraits.WritesSecond) != 0;
        immediateBytes = 0;
        for (int i = 0; i < facts.OperandCount; i++)
        {
            bool isWritten = i == 0 ? writesFirst : i == 1 && writesSecond;
            if (!OperandTable.TryFind(facts.Operand(i), isWritten, out InstructionTraits more, out int bytes)) return false;
            traits |= more;
            immediateBytes += bytes;
        }

        return true;
    }

    /// <summary>Adds what follows from the rest.</summary>
    private static InstructionTraits Complete(Code code, OpcodeFacts facts, InstructionTraits traits)
    {
        if ((traits & InstructionTraits.IsMmx) != 0) traits |= InstructionTraits.IsX87Control;
        if ((traits & (InstructionTraits.IsX87 | InstructionTraits.IsMmx)) == InstructionTraits.IsX87)
        {
            // The forms with a stack register have it in the second byte: nothing of them changes.
            bool hasMemory = (traits & InstructionTraits.HasModRm) != 0;
            bool stores = hasMemory && (traits & InstructionTraits.StoresX87) != 0;
            traits = stores ? traits | InstructionTraits.WritesRm : traits & ~InstructionTraits.WritesRm;
        }
        else if ((traits & InstructionTraits.IsX87) == 0 && facts.IsGroup)
        {
            traits |= InstructionTraits.HasModRm;
        }

        // The size of the operand decides too: scalars of 4 and 8 bytes are free (SDM vol. 2, exception types 3 to 5).
        bool isAligned = code.Encoding() == EncodingKind.Legacy && (traits & InstructionTraits.IsUnaligned) == 0;
        if (isAligned) traits |= InstructionTraits.NeedsAlignment;
        if ((traits & InstructionTraits.RegIsGeneral) == 0) traits &= ~InstructionTraits.AddressesBits;
        return traits;
    }

    private static bool IsX87(Code code)
    {
        foreach (CpuidFeature feature in code.CpuidFeatures())
        {
            if (feature is CpuidFeature.FPU or CpuidFeature.FPU287 or CpuidFeature.FPU387 or CpuidFeature.MMX) return true;
        }

        return false;
    }
}
