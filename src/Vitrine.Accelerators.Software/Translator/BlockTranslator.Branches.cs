using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
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
                byte* taken = _emitter.JumpIf(ConditionOf(instruction.ConditionCode));
                if (target is >= 0 and < PageSize) Defer(PendingKind.Link, taken, target);
                else Defer(PendingKind.Far, taken, target);
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
                _emitter.Store(State(_at.Scratch2), HostRegister.First);
                EmitPushReturn(i, offset, next);
                _emitter.Load(HostRegister.First, State(_at.Scratch2));
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
        if (target is >= 0 and < PageSize) EmitLink(_emitter.Jump(), (int)target);
        else EmitFar(target);
    }

    private void EmitFar(long target)
    {
        _emitter.Load(HostRegister.First, State(_at.PageRip));
        _emitter.Lea(HostRegister.First, new HostOperand(HostRegister.First, (int)target), _is64);
        EmitIndirect();
    }

    /// <summary>Goes to the RIP in <see cref="HostRegister.First"/>.</summary>
    private void EmitIndirect()
    {
        Count(TranslationCounter.TableBranches);
        _emitter.Move(HostRegister.Second, HostRegister.First, wide: false);
        _emitter.Memory(0x23, false, HostRegister.Second, State(_at.BranchMask));
        _emitter.Memory(0xFF, false, 4, new HostOperand(HostRegister.State, HostRegister.Second, 3, StateMemory.BranchTable));
    }

    /// <summary>Notes where an indirect branch is, in case its target isn't canonical: then it never happened.</summary>
    private void EmitSite(int offset, int popped)
    {
        if (!_is64) return;
        _emitter.Memory(0xC7, true, 0, State(_at.BranchSite));
        _emitter.Dword(offset | (popped << 12));
    }

    /// <summary>An indirect call to an address that isn't canonical faults before it pushes.</summary>
    private void EmitCanonicalCheck(int offset)
    {
        _second = SecondHolds.Nothing;
        _emitter.Move(HostRegister.Second, HostRegister.First);
        _emitter.Registers(0xC1, true, 4, HostRegister.Second);
        _emitter.Byte(16);
        _emitter.Registers(0xC1, true, 7, HostRegister.Second);
        _emitter.Byte(16);
        _emitter.Registers(0x3B, true, HostRegister.Second, HostRegister.First);
        Defer(PendingKind.Interpret, _emitter.JumpIf(Condition.NotEqual), offset);
        _flags = FlagsPlace.Memory;
    }

    /// <summary>The operand of an indirect branch in <see cref="HostRegister.First"/>.</summary>
    private void EmitTarget(int i, int offset)
    {
        ref readonly Instruction instruction = ref _instructions[i];
        if (instruction.Op0Kind == OpKind.Register)
        {
            SaveFlags();
            LoadGuest(HostRegister.First, GeneralNumber(instruction.Op0Register), _is64);
            return;
        }

        Address address = AddressOf(in instruction);
        HostOperand operand = EmitAccess(i, in address, _is64 ? 8 : 4, write: false, aligned: false, offset);
        _emitter.Load(HostRegister.First, operand, _is64);
    }

    private void EmitReturn(int i, int offset, int popped)
    {
        int size = _is64 ? 8 : 4;
        LoseFlags(_wanted[i]);
        HostOperand top = EmitStackAccess(i, 0, size, write: false, offset);
        _emitter.Load(HostRegister.First, top, _is64);
        _emitter.Lea(HostRegister.GuestStack, new HostOperand(HostRegister.GuestStack, size + popped), _is64);
        EmitSite(offset, size + popped);
        EmitIndirect();
    }

    private void EmitPushReturn(int i, int offset, int next)
    {
        int size = _is64 ? 8 : 4;
        LoseFlags(_wanted[i]);
        HostOperand top = EmitStackAccess(i, -size, size, write: true, offset);
        _emitter.Load(HostRegister.First, State(_at.PageRip));
        _emitter.Lea(HostRegister.First, new HostOperand(HostRegister.First, next), _is64);
        _emitter.Store(top, HostRegister.First, _is64);
        _emitter.Lea(HostRegister.GuestStack, new HostOperand(HostRegister.GuestStack, -size), _is64);
    }

    private static int ConditionOf(ConditionCode code) => code switch
    {
        ConditionCode.o => 0,
        ConditionCode.no => 1,
        ConditionCode.b => 2,
        ConditionCode.ae => 3,
        ConditionCode.e => 4,
        ConditionCode.ne => 5,
        ConditionCode.be => 6,
        ConditionCode.a => 7,
        ConditionCode.s => 8,
        ConditionCode.ns => 9,
        ConditionCode.p => 10,
        ConditionCode.np => 11,
        ConditionCode.l => 12,
        ConditionCode.ge => 13,
        ConditionCode.le => 14,
        _ => 15,
    };
}
