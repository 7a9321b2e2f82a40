using Iced.Intel;

namespace Vitrine.Accelerators.Software.Translator;

/// <content>PUSH, POP and LEAVE.</content>
internal sealed unsafe partial class BlockTranslator
{
    // SAFETY: as in the main part.
    private int StackSize => _is64 ? 8 : 4;

    private void MoveStack(int distance) =>
        _emitter.Lea(HostRegister.GuestStack, new HostOperand(HostRegister.GuestStack, distance), _is64);

    private void EmitPush(int i, int offset, in InstructionShape shape)
    {
        ref readonly Instruction instruction = ref _instructions[i];
        int size = StackSize;
        if (instruction.Op0Kind == OpKind.Memory)
        {
            Address address = AddressOf(in instruction);
            HostOperand operand = EmitAccess(i, in address, size, write: false, aligned: false, offset);
            _emitter.Load(HostRegister.First, operand, _is64);
            _emitter.Store(State(_at.Scratch2), HostRegister.First);
        }

        LoseFlags(_wanted[i]);
        HostOperand top = EmitStackAccess(i, -size, size, write: true, offset);
        if (instruction.Op0Kind == OpKind.Memory)
        {
            _emitter.Load(HostRegister.First, State(_at.Scratch2));
            _emitter.Store(top, HostRegister.First, _is64);
        }
        else if (instruction.Op0Kind == OpKind.Register)
        {
            int guest = instruction.Op0Register.GetFullRegister() - Register.RAX;
            int free = HostRegister.First;
            _emitter.Store(top, Borrow(guest, ref free, false), _is64);
        }
        else
        {
            _emitter.Memory(0xC7, _is64, 0, top);
            _emitter.Dword((int)instruction.GetImmediate(0));
        }

        MoveStack(-size);
    }

    private void EmitPop(int i, int offset)
    {
        int guest = _instructions[i].Op0Register.GetFullRegister() - Register.RAX;
        LoseFlags(_wanted[i]);
        HostOperand top = EmitStackAccess(i, 0, StackSize, write: false, offset);
        if (guest == 4)
        {
            _emitter.Load(HostRegister.GuestStack, top, _is64);
            return;
        }

        int host = IsHeld(guest) ? HostRegister.First : HostRegister.Of(guest);
        _emitter.Load(host, top, _is64);
        if (IsHeld(guest)) _emitter.Store(State(_at.Held(guest)), HostRegister.First);
        MoveStack(StackSize);
    }

    // RSP = RBP, then POP RBP: read through RBP first, so that a fault finds RSP as it was.
    private void EmitLeave(int i, int offset)
    {
        Address address = new() { Base = HostRegister.Rbp, Index = -1, Segment = -1, Is32 = !_is64 };
        HostOperand frame = EmitAccess(i, in address, StackSize, write: false, aligned: false, offset);
        _emitter.Lea(HostRegister.GuestStack, new HostOperand(HostRegister.Rbp, StackSize), _is64);
        _emitter.Load(HostRegister.Rbp, frame, _is64);
    }
}
