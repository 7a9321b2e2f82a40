using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.Translator.Counting;

namespace Vitrine.Accelerators.Software.Translator;

/// <content>Branches, and the end of a block.</content>
internal sealed unsafe partial class BlockTranslator
{
    // SAFETY: as in the main part.
    private void EmitBranch(int i, int offset, in InstructionShape shape)
    {
        ref readonly Instruction instruction = ref _instructions[i];
        int next = offset + instruction.Length;
        switch (shape.Kind)
        {
            case InstructionKind.ConditionalJump:
                long target = TargetOffset(in instruction);
                RestoreFlags();
                if (WantsFlags(target)) SaveFlags();
                DeferIf(ConditionOf(instruction.ConditionCode), target is >= 0 and < PageSize ? PendingKind.Link : PendingKind.Far, target);
                break;
            case InstructionKind.Jump:
                EmitGo(TargetOffset(in instruction));
                break;
            case InstructionKind.Call:
                EmitPushReturn(i, offset, next);
                EmitGo(TargetOffset(in instruction));
                break;
            case InstructionKind.Return:
                EmitReturn(i, offset, instruction.OpCount == 0 ? 0 : instruction.Immediate16);
                break;
            case InstructionKind.IndirectJump:
                EmitTarget(i, offset);
                EmitSite(offset, 0);
                EmitIndirect();
                break;
            case InstructionKind.IndirectCall:
                EmitTarget(i, offset);
                if (_is64) EmitCanonicalCheck(offset);
                _emitter.Mov(State(_at.Scratch2), RegisterMap.First);
                EmitPushReturn(i, offset, next);
                _emitter.Mov(RegisterMap.First, State(_at.Scratch2));
                EmitIndirect();
                break;
        }
    }

    private void EmitEnd(int offset)
    {
        if (_interpretedEnd)
        {
            SaveFlags();
            _emitter.Call(_stubs.Interpret);
            _emitter.Word(offset);
            return;
        }

        FlowControl last = _instructions[_count - 1].FlowControl;
        if (last is not (FlowControl.Next or FlowControl.ConditionalBranch)) return;
        EmitGo(offset);
    }

    /// <summary>Goes to a place at a distance from the start of the page, with the flags saved if it wants them.</summary>
    private void EmitGo(long target)
    {
        if (WantsFlags(target)) SaveFlags();
        if (target is >= 0 and < PageSize) EmitJumpToLink((int)target);
        else EmitFar(target);
    }

    private void EmitFar(long target)
    {
        _emitter.Mov(RegisterMap.First, State(_at.PageRip));
        _emitter.Lea(RegisterMap.First, new HostOperand(RegisterMap.First, (int)target), AddressSize);
        EmitIndirect();
    }

    /// <summary>Goes to the RIP in <see cref="RegisterMap.First"/>.</summary>
    private void EmitIndirect()
    {
        Count(TranslationCounter.TableBranches);
        _emitter.Mov(RegisterMap.Second, RegisterMap.First, OperandSize.Dword);
        _emitter.And(RegisterMap.Second, State(_at.BranchMask), OperandSize.Dword);
        _emitter.Jmp(new HostOperand(RegisterMap.State, RegisterMap.Second, 3, StateMemory.BranchTable));
    }

    /// <summary>Notes where an indirect branch is, in case its target isn't canonical: then it never happened.</summary>
    private void EmitSite(int offset, int popped)
    {
        if (!_is64) return;
        _emitter.Mov(State(_at.BranchSite), offset | (popped << 12));
    }

    /// <summary>An indirect call to an address that isn't canonical faults before it pushes.</summary>
    private void EmitCanonicalCheck(int offset)
    {
        _second = SecondHolds.Nothing;
        _emitter.Mov(RegisterMap.Second, RegisterMap.First);
        _emitter.Shl(RegisterMap.Second, 16);
        _emitter.Sar(RegisterMap.Second, 16);
        _emitter.Cmp(RegisterMap.Second, RegisterMap.First);
        DeferIf(Condition.NotEqual, PendingKind.Interpret, offset);
        _flags = FlagsPlace.Memory;
    }

    /// <summary>The operand of an indirect branch in <see cref="RegisterMap.First"/>.</summary>
    private void EmitTarget(int i, int offset)
    {
        ref readonly Instruction instruction = ref _instructions[i];
        if (instruction.Op0Kind == OpKind.Register)
        {
            SaveFlags();
            LoadGuest(RegisterMap.First, GeneralNumber(instruction.Op0Register), AddressSize);
            return;
        }

        Address address = AddressOf(in instruction);
        HostOperand operand = EmitAccess(i, in address, _is64 ? 8 : 4, write: false, aligned: false, offset);
        _emitter.Mov(RegisterMap.First, operand, AddressSize);
    }

    private void EmitReturn(int i, int offset, int popped)
    {
        int size = _is64 ? 8 : 4;
        LoseFlags(_wanted[i]);
        HostOperand top = EmitStackAccess(i, 0, size, write: false, offset);
        _emitter.Mov(RegisterMap.First, top, AddressSize);
        _emitter.Lea(RegisterMap.GuestStack, new HostOperand(RegisterMap.GuestStack, size + popped), AddressSize);
        EmitSite(offset, size + popped);
        EmitIndirect();
    }

    private void EmitPushReturn(int i, int offset, int next)
    {
        int size = _is64 ? 8 : 4;
        LoseFlags(_wanted[i]);
        HostOperand top = EmitStackAccess(i, -size, size, write: true, offset);
        _emitter.Mov(RegisterMap.First, State(_at.PageRip));
        _emitter.Lea(RegisterMap.First, new HostOperand(RegisterMap.First, next), AddressSize);
        _emitter.Mov(top, RegisterMap.First, AddressSize);
        _emitter.Lea(RegisterMap.GuestStack, new HostOperand(RegisterMap.GuestStack, -size), AddressSize);
    }

    // Iced has the codes in the order of the opcodes.
    private static Condition ConditionOf(ConditionCode code) => (Condition)(code - ConditionCode.o);
}
