using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.Translator.Analysis;
using static Vitrine.Accelerators.Software.Translator.StateOperand;

namespace Vitrine.Accelerators.Software.Translator.Emission;

/// <summary>Branches, and the end of a block.</summary>
internal sealed class BranchEmitter(
    BlockContext block,
    FlagTracker flags,
    FlagLiveness liveness,
    BlockExits exits,
    JumpEmitter jumps,
    MemoryAccess memory,
    StackEmitter stack,
    HeldRegisters held,
    SecondRegister second)
{
    /// <summary>Jcc.</summary>
    public void ConditionalJump(in Instruction instruction)
    {
        long target = block.TargetOffset(in instruction);
        flags.Restore();
        if (liveness.AreWantedAt(target)) flags.Save();

        // Iced has the codes in the order of the encodings.
        Condition condition = (Condition)(instruction.ConditionCode - ConditionCode.o);
        exits.BranchIf(condition, IsInPage(target) ? PendingKind.Link : PendingKind.Far, target);
    }

    /// <summary>JMP to a fixed target.</summary>
    public void Jump(in Instruction instruction) => GoTo(block.TargetOffset(in instruction));

    /// <summary>CALL of a fixed target.</summary>
    public void Call(int i, int offset)
    {
        ref readonly Instruction instruction = ref block.Instructions[i];
        stack.PushReturn(i, offset, offset + instruction.Length);
        GoTo(block.TargetOffset(in instruction));
    }

    /// <summary>Near RET.</summary>
    public void Return(int i, int offset)
    {
        ref readonly Instruction instruction = ref block.Instructions[i];
        int popped = block.AddressBytes + (instruction.OpCount == 0 ? 0 : instruction.Immediate16);
        stack.PopReturn(i, offset, popped);
        NoteSite(offset, popped);
        jumps.ToFirst();
    }

    /// <summary>JMP to a register or memory.</summary>
    public void IndirectJump(int i, int offset)
    {
        LoadTarget(i, offset);
        NoteSite(offset, 0);
        jumps.ToFirst();
    }

    /// <summary>CALL of a register or memory.</summary>
    public void IndirectCall(int i, int offset)
    {
        LoadTarget(i, offset);
        if (block.Is64) CheckCanonical(offset);
        block.Asm.Mov(State(CpuOffsets.Scratch2), RegisterMap.First);
        stack.PushReturn(i, offset, offset + block.Instructions[i].Length);
        block.Asm.Mov(RegisterMap.First, State(CpuOffsets.Scratch2));
        jumps.ToFirst();
    }

    /// <summary>Leads on from the last instruction.</summary>
    /// <param name="offset">The offset of what follows it.</param>
    public void End(int offset)
    {
        if (block.EndsInterpreted)
        {
            flags.Save();
            exits.Interpret(offset);
        }
        else if (block.Instructions[block.Count - 1].FlowControl is FlowControl.Next or FlowControl.ConditionalBranch)
        {
            GoTo(offset);
        }
    }

    private static bool IsInPage(long target) => target is >= 0 and < BlockContext.PageSize;

    /// <summary>Goes to a place at a distance from the start of the page, with the flags saved if it wants them.</summary>
    private void GoTo(long target)
    {
        if (liveness.AreWantedAt(target)) flags.Save();
        if (IsInPage(target)) exits.Link((int)target);
        else jumps.ToOtherPage(target);
    }

    /// <summary>Notes where an indirect branch is, in case its target isn't canonical: then it never happened.</summary>
    private void NoteSite(int offset, int popped)
    {
        if (block.Is64) block.Asm.Mov(State(CpuOffsets.BranchSite), offset | (popped << 12));
    }

    /// <summary>An indirect call to an address that isn't canonical faults before it pushes.</summary>
    private void CheckCanonical(int offset)
    {
        const int CopiesOfTheSign = 16;
        second.Forget();
        block.Asm.Mov(RegisterMap.Second, RegisterMap.First);
        block.Asm.Shl(RegisterMap.Second, CopiesOfTheSign);
        block.Asm.Sar(RegisterMap.Second, CopiesOfTheSign);
        block.Asm.Cmp(RegisterMap.Second, RegisterMap.First);
        exits.BranchIf(Condition.NotEqual, PendingKind.Interpret, offset);
        flags.Place = FlagsPlace.Memory;
    }

    /// <summary>The operand of an indirect branch in <see cref="RegisterMap.First"/>.</summary>
    private void LoadTarget(int i, int offset)
    {
        ref readonly Instruction instruction = ref block.Instructions[i];
        if (instruction.Op0Kind == OpKind.Register)
        {
            flags.Save();
            held.Load(RegisterMap.First, OperandAddress.GeneralNumber(instruction.Op0Register), block.AddressSize);
            return;
        }

        OperandAddress address = block.AddressOf(in instruction);
        HostOperand operand = memory.Access(i, in address, block.AddressBytes, write: false, aligned: false, offset);
        block.Asm.Mov(RegisterMap.First, operand, block.AddressSize);
    }
}
