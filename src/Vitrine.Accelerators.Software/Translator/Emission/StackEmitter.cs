using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.Translator.Analysis;
using Vitrine.X86.State;
using static Vitrine.Accelerators.Software.Translator.StateOperand;

namespace Vitrine.Accelerators.Software.Translator.Emission;

/// <summary>PUSH, POP, LEAVE and PUSHF.</summary>
internal sealed class StackEmitter(
    BlockContext block, FlagTracker flags, MemoryAccess memory, HeldRegisters held, SecondRegister second)
{
    /// <summary>PUSH of a register, an immediate or memory.</summary>
    public void Push(int i, int offset)
    {
        ref readonly Instruction instruction = ref block.Instructions[i];
        if (instruction.Op0Kind == OpKind.Memory)
        {
            OperandAddress address = block.AddressOf(in instruction);
            HostOperand operand = memory.Access(i, in address, block.AddressBytes, write: false, aligned: false, offset);
            block.Asm.Mov(RegisterMap.First, operand, block.AddressSize);
            block.Asm.Mov(State(CpuOffsets.Scratch2), RegisterMap.First);
        }

        flags.Lose(i);
        HostOperand top = memory.AccessStack(i, -block.AddressBytes, write: true, offset);
        if (instruction.Op0Kind == OpKind.Memory)
        {
            block.Asm.Mov(RegisterMap.First, State(CpuOffsets.Scratch2));
            block.Asm.Mov(top, RegisterMap.First, block.AddressSize);
        }
        else if (instruction.Op0Kind == OpKind.Register)
        {
            int guest = GeneralRegister.NumberOf(instruction.Op0Register);
            HostRegister free = RegisterMap.First;
            block.Asm.Mov(top, held.Borrow(guest, ref free, onlyWritten: false), block.AddressSize);
        }
        else
        {
            block.Asm.Mov(top, (int)instruction.GetImmediate(0), block.AddressSize);
        }

        Move(-block.AddressBytes);
    }

    /// <summary>POP to a register.</summary>
    public void Pop(int i, int offset)
    {
        int guest = GeneralRegister.NumberOf(block.Instructions[i].Op0Register);
        flags.Lose(i);
        HostOperand top = memory.AccessStack(i, 0, write: false, offset);
        if (guest == Gpr.Rsp)
        {
            block.Asm.Mov(RegisterMap.GuestStack, top, block.AddressSize);
            return;
        }

        HostRegister host = RegisterMap.IsHeld(guest) ? RegisterMap.First : RegisterMap.Of(guest);
        block.Asm.Mov(host, top, block.AddressSize);
        held.GiveBack(guest, host);
        Move(block.AddressBytes);
    }

    /// <summary>LEAVE: RSP = RBP, then POP RBP. It reads through RBP first, so that a fault finds RSP as it was.</summary>
    public void Leave(int i, int offset)
    {
        OperandAddress address = OperandAddress.OnStack(0, block.Is64, Gpr.Rbp);
        HostOperand frame = memory.Access(i, in address, block.AddressBytes, write: false, aligned: false, offset);
        block.Asm.Lea(RegisterMap.GuestStack, new HostOperand(HostRegister.Rbp, block.AddressBytes), block.AddressSize);
        block.Asm.Mov(HostRegister.Rbp, frame, block.AddressSize);
    }

    /// <summary>PUSHF of 64-bit code.</summary>
    public void PushFlags(int i, int offset)
    {
        const int LahfFlags = 0xD5;
        const int OverflowShift = 11;
        flags.Save();
        flags.Lose(i);
        HostOperand top = memory.AccessStack(i, -sizeof(ulong), write: true, offset);

        // Into memory first: both free registers are needed for the parts.
        second.Forget();
        HostOperand image = new(RegisterMap.Second, 0);
        block.Asm.Lea(RegisterMap.Second, top);
        block.Asm.Movzx(RegisterMap.First, State(CpuOffsets.PackedFlags + 1), OperandSize.Byte);
        block.Asm.And(RegisterMap.First, LahfFlags, OperandSize.Dword);
        block.Asm.Or(RegisterMap.First, State(CpuOffsets.SystemFlags));
        block.Asm.Mov(image, RegisterMap.First);
        block.Asm.Movzx(RegisterMap.First, State(CpuOffsets.PackedFlags), OperandSize.Byte);
        block.Asm.Shl(RegisterMap.First, OverflowShift, OperandSize.Dword);
        block.Asm.Or(image, RegisterMap.First);
        Move(-sizeof(ulong));
    }

    /// <summary>Pushes the RIP of an offset in the page, for CALL.</summary>
    public void PushReturn(int i, int offset, int next)
    {
        flags.Lose(i);
        HostOperand top = memory.AccessStack(i, -block.AddressBytes, write: true, offset);
        block.Asm.Mov(RegisterMap.First, State(CpuOffsets.PageRip));
        block.Asm.Lea(RegisterMap.First, new HostOperand(RegisterMap.First, next), block.AddressSize);
        block.Asm.Mov(top, RegisterMap.First, block.AddressSize);
        Move(-block.AddressBytes);
    }

    /// <summary>Pops a return address into <see cref="RegisterMap.First"/>, for RET.</summary>
    /// <param name="i">The instruction.</param>
    /// <param name="offset">Its offset in the page.</param>
    /// <param name="popped">By how much RSP moves, in bytes.</param>
    public void PopReturn(int i, int offset, int popped)
    {
        flags.Lose(i);
        HostOperand top = memory.AccessStack(i, 0, write: false, offset);
        block.Asm.Mov(RegisterMap.First, top, block.AddressSize);
        Move(popped);
    }

    // LEA leaves the flags alone.
    private void Move(int distance) =>
        block.Asm.Lea(RegisterMap.GuestStack, new HostOperand(RegisterMap.GuestStack, distance), block.AddressSize);
}
