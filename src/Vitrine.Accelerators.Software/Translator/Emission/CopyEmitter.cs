using System.Numerics;
using Iced.Intel;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Translator.Analysis;

namespace Vitrine.Accelerators.Software.Translator.Emission;

/// <summary>Instructions that are written again with other operands, and LEA.</summary>
internal sealed unsafe class CopyEmitter(
    BlockContext block,
    FlagTracker flags,
    MemoryAccess memory,
    AddressEmitter addresses,
    HeldRegisters held,
    SecondRegister second,
    FloatStateLoader floats)
{
    // SAFETY: reads the bytes of an instruction of the block.

    /// <summary>The same instruction again.</summary>
    public void Copy(int i, int offset, in InstructionShape shape)
    {
        ref readonly Instruction instruction = ref block.Instructions[i];
        GuestEncoding encoding = Parse(in instruction, offset, in shape);
        if (shape.IsX87) floats.PrepareX87(i, offset);
        if (shape.IsVector) floats.PrepareVectors(i, offset);
        bool hasMemory = shape.HasModRm && encoding.IsMemory;
        HostOperand operand = default;
        if (hasMemory)
        {
            OperandAddress address = block.AddressOf(in instruction);
            int size = instruction.MemorySize.GetSize();
            bool aligned = (shape.NeedsAlignment && size >= 16) || IsLocked(in instruction);
            operand = memory.Access(i, in address, size, shape.WritesRm, aligned, offset);
        }

        if (instruction.Mnemonic is Mnemonic.Ldmxcsr or Mnemonic.Vldmxcsr)
        {
            floats.LoadMxcsr(in operand, offset);
            return;
        }

        if (instruction.Mnemonic == Mnemonic.Fldcw)
        {
            floats.LoadControlWord(in operand, offset);
            return;
        }

        if (shape.IsX87 && !shape.IsX87Control) floats.NoteX87(i, offset, hasMemory);
        flags.Prepare(i);
        if (shape.HasModRm) CopyModRm(in instruction, in shape, in encoding, hasMemory, operand);
        else if (shape.HasOpcodeRegister) CopyOpcodeRegister(in encoding, in shape);
        else encoding.EmitPlain(ref block.Asm);
        flags.Note(i);
    }

    /// <summary>INC and DEC in their one-byte forms of 32-bit code, which are prefixes in 64-bit code: FF /0 and /1 there.</summary>
    public void ShortIncrement(int i)
    {
        ref readonly Instruction instruction = ref block.Instructions[i];
        flags.Prepare(i);
        HostRegister register = RegisterMap.Of(GeneralRegister.NumberOf(instruction.Op0Register));
        OperandSize size = instruction.Op0Register.IsGPR16() ? OperandSize.Word : OperandSize.Dword;
        if (instruction.Mnemonic == Mnemonic.Inc) block.Asm.Inc(register, size);
        else block.Asm.Dec(register, size);
        flags.Note(i);
    }

    /// <summary>MOV between the accumulator and an absolute address.</summary>
    public void AbsoluteMove(int i, int offset)
    {
        ref readonly Instruction instruction = ref block.Instructions[i];
        bool store = instruction.Op0Kind == OpKind.Memory;
        int bytes = instruction.MemorySize.GetSize();
        OperandSize size = (OperandSize)BitOperations.Log2((uint)bytes);
        OperandAddress address = block.AddressOf(in instruction);
        HostOperand operand = memory.Access(i, in address, bytes, store, aligned: false, offset);
        if (store) block.Asm.Mov(operand, HostRegister.Rax, size);
        else block.Asm.Mov(HostRegister.Rax, operand, size);
    }

    /// <summary>LEA, in which a segment has no part.</summary>
    public void LoadAddress(in Instruction instruction)
    {
        OperandAddress address = block.AddressOf(in instruction) with { Segment = -1 };
        int guest = GeneralRegister.NumberOf(instruction.Op0Register);
        OperandSize size = instruction.Op0Register.IsGPR64() ? OperandSize.Qword : OperandSize.Dword;
        HostRegister host = RegisterMap.IsHeld(guest) ? RegisterMap.First : RegisterMap.Of(guest);
        if (address.IsDirect)
        {
            block.Asm.Lea(host, address.ToHost(), size);
        }
        else
        {
            addresses.Offset(in address, RegisterMap.First);
            if (host != RegisterMap.First || size != OperandSize.Qword) block.Asm.Mov(host, RegisterMap.First, size);
        }

        held.GiveBack(guest, host);
    }

    /// <summary>MOV from a segment register to a general one, which is filled up with zeros (SDM vol. 2, MOV).</summary>
    public void ReadSegment(in Instruction instruction)
    {
        int guest = GeneralRegister.NumberOf(instruction.Op0Register);
        HostRegister host = RegisterMap.IsHeld(guest) ? RegisterMap.First : RegisterMap.Of(guest);
        block.Asm.Mov(host, StateOperand.Selector(Operands.SegmentNumber(instruction.Op1Register)), OperandSize.Dword);
        held.GiveBack(guest, host);
    }

    private GuestEncoding Parse(in Instruction instruction, int offset, in InstructionShape shape)
    {
        GuestEncoding encoding = default;
        encoding.Parse(block.Source + offset, instruction.Length, block.Is64, shape.HasModRm, shape.ImmediateBytes);
        if (shape.DropsRepeat) encoding.DropRepeat();

        // VEX.W chooses 64-bit general registers in 64-bit code only (SDM vol. 2, 2.3.5.1), EAX and EDX with lengths of strings among them.
        bool lengths = instruction.Mnemonic is Mnemonic.Vpcmpestri or Mnemonic.Vpcmpestrm;
        if (!block.Is64 && (lengths || shape.RegIsGeneral || shape.RmIsGeneral || shape.VvvvIsGeneral)) encoding.IgnoreWide();
        return encoding;
    }

    /// <summary>An instruction with ModRM. Registers that are held in memory borrow the two free ones.</summary>
    private void CopyModRm(
        in Instruction instruction, in InstructionShape shape, in GuestEncoding encoding, bool hasMemory, HostOperand operand)
    {
        HostRegister free = RegisterMap.First;
        bool onlyWrites = shape.OnlyWrites && IsWideRegister(in instruction);
        int high = HighByte(shape.RegIsByte && shape.RegIsGeneral, encoding.HasRex, encoding.Reg);
        bool regIsGeneral = shape.RegIsGeneral && high < 0;
        int reg = regIsGeneral ? (int)held.Borrow(encoding.Reg, ref free, onlyWrites && shape.WritesReg) : encoding.Reg;
        int vvvv = shape.VvvvIsGeneral ? (int)held.Borrow(encoding.Vvvv, ref free, onlyWritten: false) : encoding.Vvvv;
        if (!hasMemory)
        {
            bool plain = !shape.RmIsGeneral || HighByte(shape.RmIsByte, encoding.HasRex, encoding.Rm) >= 0;

            // Twice the same register is one register, which XADD writes in an order of its own.
            bool same = !plain && regIsGeneral && encoding.Rm == encoding.Reg && !shape.OnlyWrites;
            int rm = plain ? encoding.Rm : same ? reg : (int)held.Borrow(encoding.Rm, ref free, onlyWrites && shape.WritesRm);
            encoding.Emit(ref block.Asm, reg, rm, vvvv);
            if (!plain && shape.WritesRm) held.GiveBack(encoding.Rm, (HostRegister)rm);
        }
        else if (high >= 0)
        {
            CopyHighByte(in encoding, (HostRegister)(high & 3), operand, vvvv);
        }
        else
        {
            encoding.Emit(ref block.Asm, reg, operand, vvvv);
        }

        if (shape.WritesVvvv) held.GiveBack(encoding.Vvvv, (HostRegister)vvvv);
        if (regIsGeneral && shape.WritesReg) held.GiveBack(encoding.Reg, (HostRegister)reg);
    }

    // AH to BH can't be named beside a register above 7: swap the halves for the moment.
    private void CopyHighByte(in GuestEncoding encoding, HostRegister register, HostOperand operand, int vvvv)
    {
        if (operand.Base == register || operand.Index == register)
        {
            block.Asm.Lea(RegisterMap.Second, operand);
            second.Forget();
            operand = new HostOperand(RegisterMap.Second, 0);
        }

        block.Asm.XchgBytes(register);
        encoding.Emit(ref block.Asm, (int)register, operand, vvvv);
        block.Asm.XchgBytes(register);
    }

    private void CopyOpcodeRegister(in GuestEncoding encoding, in InstructionShape shape)
    {
        int guest = encoding.OpcodeRegister;
        if (HighByte(shape.RegIsByte, encoding.HasRex, guest) >= 0)
        {
            encoding.EmitOpcodeRegister(ref block.Asm, guest);
            return;
        }

        HostRegister free = RegisterMap.First;
        HostRegister host = held.Borrow(guest, ref free, onlyWritten: false);
        encoding.EmitOpcodeRegister(ref block.Asm, (int)host);
        held.GiveBack(guest, host);
    }

    // The number of AH to BH in an operand field, or -1.
    private static int HighByte(bool isByte, bool hasRex, int number) => isByte && !hasRex && number is >= 4 and < 8 ? number : -1;

    private static bool IsWideRegister(in Instruction instruction) =>
        instruction.Op0Register.IsGPR32() || instruction.Op0Register.IsGPR64();

    /// <summary>
    /// Where it isn't aligned the interpreter sees to it: on two lines of the cache it costs the host microseconds, or us a signal where
    /// the host's kernel forbids it.
    /// </summary>
    private static bool IsLocked(in Instruction instruction) => instruction.HasLockPrefix || instruction.Mnemonic == Mnemonic.Xchg;
}
