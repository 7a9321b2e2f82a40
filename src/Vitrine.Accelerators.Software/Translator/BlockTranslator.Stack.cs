using Iced.Intel;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Translator;

/// <content>PUSH, POP and LEAVE.</content>
internal sealed unsafe partial class BlockTranslator
{
    // SAFETY: as in the main part.
    private int StackSize => _is64 ? 8 : 4;

    private void MoveStack(int distance) =>
        _emitter.Lea(RegisterMap.GuestStack, new HostOperand(RegisterMap.GuestStack, distance), AddressSize);

    private void EmitPush(int i, int offset, in InstructionShape shape)
    {
        ref readonly Instruction instruction = ref _instructions[i];
        int size = StackSize;
        if (instruction.Op0Kind == OpKind.Memory)
        {
            Address address = AddressOf(in instruction);
            HostOperand operand = EmitAccess(i, in address, size, write: false, aligned: false, offset);
            _emitter.Mov(RegisterMap.First, operand, AddressSize);
            _emitter.Mov(State(_at.Scratch2), RegisterMap.First);
        }

        LoseFlags(_wanted[i]);
        HostOperand top = EmitStackAccess(i, -size, size, write: true, offset);
        if (instruction.Op0Kind == OpKind.Memory)
        {
            _emitter.Mov(RegisterMap.First, State(_at.Scratch2));
            _emitter.Mov(top, RegisterMap.First, AddressSize);
        }
        else if (instruction.Op0Kind == OpKind.Register)
        {
            int guest = instruction.Op0Register.GetFullRegister() - Register.RAX;
            HostRegister free = RegisterMap.First;
            _emitter.Mov(top, Borrow(guest, ref free, false), AddressSize);
        }
        else
        {
            _emitter.Mov(top, (int)instruction.GetImmediate(0), AddressSize);
        }

        MoveStack(-size);
    }

    private void EmitPop(int i, int offset)
    {
        int guest = _instructions[i].Op0Register.GetFullRegister() - Register.RAX;
        LoseFlags(_wanted[i]);
        HostOperand top = EmitStackAccess(i, 0, StackSize, write: false, offset);
        if (guest == Gpr.Rsp)
        {
            _emitter.Mov(RegisterMap.GuestStack, top, AddressSize);
            return;
        }

        HostRegister host = IsHeld(guest) ? RegisterMap.First : RegisterMap.Of(guest);
        _emitter.Mov(host, top, AddressSize);
        if (IsHeld(guest)) _emitter.Mov(State(_at.Held(guest)), RegisterMap.First);
        MoveStack(StackSize);
    }

    // RSP = RBP, then POP RBP: read through RBP first, so that a fault finds RSP as it was.
    private void EmitLeave(int i, int offset)
    {
        Address address = new() { Base = Gpr.Rbp, Index = -1, Segment = -1, Is32 = !_is64 };
        HostOperand frame = EmitAccess(i, in address, StackSize, write: false, aligned: false, offset);
        _emitter.Lea(RegisterMap.GuestStack, new HostOperand(HostRegister.Rbp, StackSize), AddressSize);
        _emitter.Mov(HostRegister.Rbp, frame, AddressSize);
    }
}
