using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Translator.Analysis;

/// <summary>Which instructions are translated, by their shapes, the block's mode and their operands.</summary>
/// <param name="block">The block that they are of.</param>
/// <param name="shares">The machine has several vCPUs: one that spins may have to make room for the one that it waits for.</param>
internal sealed class TranslationRules(BlockContext block, bool shares)
{
    private HostBinder? _native;

    /// <summary>Sets the instructions that the guest's processor has besides those of the interpreter; null for none.</summary>
    public void Use(HostBinder? native) => _native = native;

    /// <summary>True for instructions that the translator writes; all others it leaves to the interpreter.</summary>
    public bool CanTranslate(in Instruction instruction)
    {
        ref readonly InstructionShape shape = ref InstructionShapes.Of(instruction.Code);
        if (shape.Kind == InstructionKind.Interpreted) return false;
        if (!OpTable.Instance.Contains(instruction.Code) && _native?.Contains(instruction.Code) != true) return false;
        if (shape.Kind == InstructionKind.Nothing) return true;
        if (shares && instruction.Mnemonic == Mnemonic.Pause) return false;
        if (shape.Kind is InstructionKind.SwapGs or InstructionKind.ClearInterrupts or InstructionKind.SetInterrupts)
            return block.Is64 && (block.Mode & ExecutionMode.User) == 0;
        if (shape.Kind == InstructionKind.PushFlags) return block.Is64;
        if (shape.Kind == InstructionKind.ReadSegment) return instruction.Op0Kind == OpKind.Register;
        if (shape.Kind is InstructionKind.MoveString or InstructionKind.StoreString) return CanRepeat(in instruction);
        if (shape.IsVector && !CanUseVectors(in instruction)) return false;
        if (shape.IsX87 && !CanUseX87) return false;
        if (shape.ImmediateIsRegister && !block.Is64) return false;

        // In 32-bit code they are for YMM0 to YMM7.
        if (!block.Is64 && instruction.Mnemonic is Mnemonic.Vzeroupper or Mnemonic.Vzeroall) return false;
        bool hasMemory = HasMemory(in instruction);
        if (hasMemory && (shape.AddressesBits || !OperandAddress.CanForm(in instruction, block.Start, block.Is64))) return false;
        return shape.Kind switch
        {
            InstructionKind.Divide or InstructionKind.SignedDivide => CanDivide(in instruction),
            InstructionKind.Copied => HasRegisters(in instruction, hasMemory),
            InstructionKind.ConditionalJump or InstructionKind.Jump or InstructionKind.Call => CanReach(in instruction),
            _ => true,
        };
    }

    /// <summary>The instruction has an operand in memory that is encoded as one.</summary>
    public static bool HasMemory(in Instruction instruction)
    {
        // Operands that there are none of are registers. None beyond these four is memory.
        return instruction.Op0Kind == OpKind.Memory || instruction.Op1Kind == OpKind.Memory || instruction.Op2Kind == OpKind.Memory ||
            instruction.Op3Kind == OpKind.Memory;
    }

    private bool CanUseX87 => (block.Mode & (ExecutionMode.FpuTrap | ExecutionMode.X87Traps)) == 0 && EntryStubs.HasX87;

    private bool CanUseVectors(in Instruction instruction) =>
        (block.Mode & (ExecutionMode.SseTrap | ExecutionMode.FloatTraps)) == 0 &&
        ((block.Mode & ExecutionMode.AvxTrap) == 0 || instruction.Encoding != EncodingKind.VEX);

    /// <summary>Addresses of 64 bits, upwards in flat segments: what the host does with the same registers.</summary>
    private bool CanRepeat(in Instruction instruction)
    {
        if (!block.Is64 || instruction.HasRepnePrefix || instruction.Op0Kind is not OpKind.MemoryESRDI) return false;
        return instruction.Op1Kind == OpKind.Register ||
            (instruction.Op1Kind == OpKind.MemorySegRSI && OperandAddress.SegmentOf(in instruction) < 0);
    }

    /// <summary>The target's distance from the start of the page is one that host code can add. In 32-bit code it wraps as the target does.</summary>
    private bool CanReach(in Instruction instruction) => !block.Is64 || block.TargetOffset(in instruction) is >= int.MinValue and <= int.MaxValue;

    private static bool CanDivide(in Instruction instruction)
    {
        int size = instruction.Op0Kind == OpKind.Memory ? instruction.MemorySize.GetSize()
            : instruction.Op0Register.IsGPR64() ? 8
            : instruction.Op0Register.IsGPR32() ? 4
            : 0;
        return size >= 4;
    }

    /// <summary>Two registers are free for those that are held in memory; one beside a memory operand.</summary>
    private static bool HasRegisters(in Instruction instruction, bool hasMemory)
    {
        int held = 0;
        int high = 0;
        bool extended = false;
        int operands = instruction.OpCount;
        for (int i = 0; i < operands; i++)
        {
            if (instruction.GetOpKind(i) != OpKind.Register) continue;
            Register register = instruction.GetOpRegister(i);
            if (GeneralRegister.IsHighByte(register))
            {
                high++;
                continue;
            }

            int number = GeneralRegister.NumberOf(register);
            if (RegisterMap.IsHeld(number)) held++;
            if (number == Gpr.Rsp) extended = true;
        }

        if (high != 0 && (extended || held != 0)) return false;

        // AL has a part in it, and would be AH for the moment.
        if (high != 0 && hasMemory && instruction.Mnemonic == Mnemonic.Cmpxchg) return false;
        return held <= (hasMemory ? 1 : 2);
    }
}
