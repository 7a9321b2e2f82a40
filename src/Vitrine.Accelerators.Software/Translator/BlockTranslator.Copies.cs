using System.Numerics;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.Interpreter.Decode;

namespace Vitrine.Accelerators.Software.Translator;

/// <content>Instructions that are written again with other operands; LEA, and division, which must not fault.</content>
internal sealed unsafe partial class BlockTranslator
{
    // SAFETY: as in the main part.

    /// <summary>True for instructions that the translator writes; all others it leaves to the interpreter.</summary>
    private bool CanTranslate(in Instruction instruction)
    {
        ref readonly InstructionShape shape = ref InstructionShapes.Of(instruction.Code);
        if (shape.Kind == InstructionKind.Interpreted) return false;
        if (!OpTable.Instance.Contains(instruction.Code) && _native?.Contains(instruction.Code) != true) return false;
        if (shape.Kind == InstructionKind.Nothing) return true;
        if (_shares && instruction.Mnemonic == Mnemonic.Pause) return false;
        if (shape.Kind is InstructionKind.SwapGs or InstructionKind.ClearInterrupts or InstructionKind.SetInterrupts or InstructionKind.PushFlags)
            return _is64 && (shape.Kind == InstructionKind.PushFlags || (_mode & ExecutionMode.User) == 0);
        if (shape.Kind is InstructionKind.MoveString or InstructionKind.StoreString) return CanRepeat(in instruction);
        if (shape.IsVector && (_mode & (ExecutionMode.SseTrap | ExecutionMode.FloatTraps)) != 0) return false;
        if (shape.IsVector && (_mode & ExecutionMode.AvxTrap) != 0 && instruction.Encoding == EncodingKind.VEX) return false;
        if (shape.IsX87 && !CanUseX87) return false;
        if (shape.ImmediateIsRegister && !_is64) return false;

        // In 32-bit code they are for YMM0 to YMM7.
        if (instruction.Mnemonic is Mnemonic.Vzeroupper or Mnemonic.Vzeroall && !_is64) return false;
        int memory = MemoryOperand(in instruction);
        if (memory >= 0 && (shape.AddressesBits || !CanForm(in instruction))) return false;
        if (shape.Kind == InstructionKind.AbsoluteMove) return true;
        if (shape.Kind is InstructionKind.Divide or InstructionKind.SignedDivide) return CanDivide(in instruction);
        if (shape.Kind is not InstructionKind.Copied) return true;

        // Two registers are free for those that are held in memory; one beside a memory operand.
        int held = 0;
        int high = 0;
        bool extended = false;
        for (int i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) != OpKind.Register) continue;
            Register register = instruction.GetOpRegister(i);
            if (!register.IsGPR()) continue;
            if (register is >= Register.AH and <= Register.BH)
            {
                high++;
                continue;
            }

            int number = register.GetFullRegister() - Register.RAX;
            if (IsHeld(number)) held++;
            if (number == 4) extended = true;
        }

        if (high != 0 && (extended || held != 0)) return false;

        // AL has a part in it, and would be AH for the moment.
        if (high != 0 && memory >= 0 && instruction.Mnemonic == Mnemonic.Cmpxchg) return false;
        return held <= (memory >= 0 ? 1 : 2);
    }

    private bool CanUseX87 => (_mode & (ExecutionMode.FpuTrap | ExecutionMode.X87Traps)) == 0 && EntryStubs.HasX87;

    private static OperandSize SizeOf(int bytes) => (OperandSize)BitOperations.Log2((uint)bytes);

    private static int MemoryOperand(in Instruction instruction)
    {
        for (int i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) == OpKind.Memory) return i;
        }

        return -1;
    }

    private void LoadGuest(HostRegister register, int guest, OperandSize size)
    {
        if (IsHeld(guest)) _emitter.Mov(register, State(_at.Held(guest)), size);
        else _emitter.Mov(register, RegisterMap.Of(guest), size);
    }

    private void EmitCopied(int i, int offset, in InstructionShape shape)
    {
        ref readonly Instruction instruction = ref _instructions[i];
        if (shape.Kind == InstructionKind.AbsoluteMove)
        {
            EmitAbsoluteMove(i, offset);
            return;
        }

        if (shape.Kind == InstructionKind.ShortIncrement)
        {
            EmitShortIncrement(i);
            return;
        }

        GuestEncoding encoding = default;
        encoding.Parse(_page + offset, instruction.Length, _is64, shape.HasModRm, shape.ImmediateBytes);
        if (shape.DropsRepeat) encoding.DropRepeat();

        // VEX.W chooses 64-bit general registers in 64-bit code only (SDM vol. 2, 2.3.5.1), EAX and EDX with lengths of strings among them.
        bool lengths = instruction.Mnemonic is Mnemonic.Vpcmpestri or Mnemonic.Vpcmpestrm;
        if (!_is64 && (lengths || shape.RegIsGeneral || shape.RmIsGeneral || shape.VvvvIsGeneral)) encoding.IgnoreWide();
        if (shape.IsX87) PrepareX87(i, offset);
        if (shape.IsVector) PrepareVectors(i, offset);
        int memory = shape.HasModRm && encoding.IsMemory ? MemoryOperand(in instruction) : -1;
        HostOperand operand = default;
        if (memory >= 0)
        {
            Address address = AddressOf(in instruction);
            int size = instruction.MemorySize.GetSize();
            bool aligned = (shape.NeedsAlignment && size >= 16) || IsLocked(in instruction);
            operand = EmitAccess(i, in address, size, shape.WritesRm, aligned, offset);
        }

        if (instruction.Mnemonic is Mnemonic.Ldmxcsr or Mnemonic.Vldmxcsr)
        {
            EmitLoadMxcsr(in operand, offset);
            return;
        }

        if (instruction.Mnemonic == Mnemonic.Fldcw)
        {
            EmitLoadControlWord(in operand, offset);
            return;
        }

        if (shape.IsX87)
        {
            if (!shape.IsX87Control) NoteX87(i, offset, memory >= 0);
        }

        PrepareFlags(i);
        if (!shape.HasModRm)
        {
            if (shape.HasOpcodeRegister) EmitOpcodeRegister(in encoding, in shape);
            else encoding.EmitPlain(ref _emitter);
            NoteFlags(i);
            return;
        }

        // Registers that are held in memory borrow the two free ones.
        HostRegister free = RegisterMap.First;
        int high = HighByte(shape.RegIsByte && shape.RegIsGeneral, encoding.HasRex, encoding.Reg);
        int reg = shape.RegIsGeneral && high < 0 ? (int)Borrow(encoding.Reg, ref free, shape.OnlyWrites && shape.WritesReg && IsWideRegister(in instruction)) : encoding.Reg;
        int vvvv = shape.VvvvIsGeneral ? (int)Borrow(encoding.Vvvv, ref free, false) : encoding.Vvvv;
        if (memory >= 0)
        {
            // AH to BH can't be named beside a register above 7: swap the halves for the moment.
            if (high >= 0)
            {
                if (operand.Base == (HostRegister)(high & 3) || operand.Index == (HostRegister)(high & 3))
                {
                    _emitter.Lea(RegisterMap.Second, operand);
                    _second = SecondHolds.Nothing;
                    operand = new HostOperand(RegisterMap.Second, 0);
                }

                EmitSwapHalves(high);
                reg = high & 3;
            }

            encoding.Emit(ref _emitter, reg, operand, vvvv);
            if (high >= 0) EmitSwapHalves(high);
        }
        else
        {
            bool plain = !shape.RmIsGeneral || HighByte(shape.RmIsByte, encoding.HasRex, encoding.Rm) >= 0;

            // Twice the same register is one register, which XADD writes in an order of its own.
            bool same = !plain && shape.RegIsGeneral && high < 0 && encoding.Rm == encoding.Reg && !shape.OnlyWrites;
            int rm = plain ? encoding.Rm : same ? reg : (int)Borrow(encoding.Rm, ref free, shape.OnlyWrites && shape.WritesRm && IsWideRegister(in instruction));
            encoding.Emit(ref _emitter, reg, rm, vvvv);
            if (!plain && IsHeld(encoding.Rm) && shape.WritesRm) _emitter.Mov(State(_at.Held(encoding.Rm)), (HostRegister)rm);
        }

        if (shape.WritesVvvv && IsHeld(encoding.Vvvv)) _emitter.Mov(State(_at.Held(encoding.Vvvv)), (HostRegister)vvvv);
        if (shape.RegIsGeneral && high < 0 && IsHeld(encoding.Reg) && shape.WritesReg) _emitter.Mov(State(_at.Held(encoding.Reg)), (HostRegister)reg);
        NoteFlags(i);
    }

    // The number of AH to BH in an operand field, or -1.
    private static int HighByte(bool isByte, bool hasRex, int number) => isByte && !hasRex && number is >= 4 and < 8 ? number : -1;

    private static bool IsWideRegister(in Instruction instruction) => instruction.Op0Register.IsGPR32() || instruction.Op0Register.IsGPR64();

    private void EmitSwapHalves(int high)
    {
        _emitter.XchgBytes((HostRegister)(high & 3));
    }

    /// <summary>The host register of a guest register; one that is held in memory is loaded into a free one.</summary>
    private HostRegister Borrow(int guest, ref HostRegister free, bool onlyWritten)
    {
        if (!IsHeld(guest)) return RegisterMap.Of(guest);
        HostRegister borrowed = free;
        if (borrowed == RegisterMap.Second) _second = SecondHolds.Nothing;
        free = RegisterMap.Second;
        if (!onlyWritten) _emitter.Mov(borrowed, State(_at.Held(guest)));
        return borrowed;
    }

    private void EmitOpcodeRegister(in GuestEncoding encoding, in InstructionShape shape)
    {
        int guest = encoding.OpcodeRegister;
        if (HighByte(shape.RegIsByte, encoding.HasRex, guest) >= 0)
        {
            encoding.EmitOpcodeRegister(ref _emitter, guest);
            return;
        }

        HostRegister free = RegisterMap.First;
        HostRegister host = Borrow(guest, ref free, false);
        encoding.EmitOpcodeRegister(ref _emitter, (int)host);
        if (IsHeld(guest)) _emitter.Mov(State(_at.Held(guest)), host);
    }

    // 40 to 4F of 32-bit code: FF /0 and /1 in 64-bit code.
    private void EmitShortIncrement(int i)
    {
        ref readonly Instruction instruction = ref _instructions[i];
        PrepareFlags(i);
        int guest = instruction.Op0Register.GetFullRegister() - Register.RAX;
        OperandSize size = instruction.Op0Register.IsGPR16() ? OperandSize.Word : OperandSize.Dword;
        if (instruction.Mnemonic == Mnemonic.Inc) _emitter.Inc(RegisterMap.Of(guest), size);
        else _emitter.Dec(RegisterMap.Of(guest), size);
        NoteFlags(i);
    }

    private void EmitAbsoluteMove(int i, int offset)
    {
        ref readonly Instruction instruction = ref _instructions[i];
        bool store = instruction.Op0Kind == OpKind.Memory;
        int size = instruction.MemorySize.GetSize();
        Address address = AddressOf(in instruction);
        HostOperand operand = EmitAccess(i, in address, size, store, aligned: false, offset);
        if (store) _emitter.Mov(operand, HostRegister.Rax, SizeOf(size));
        else _emitter.Mov(HostRegister.Rax, operand, SizeOf(size));
    }

    private void EmitLea(in Instruction instruction, int offset)
    {
        // A segment has no part in it.
        Address address = AddressOf(in instruction) with { Segment = -1 };
        int guest = instruction.Op0Register.GetFullRegister() - Register.RAX;
        OperandSize size = instruction.Op0Register.IsGPR64() ? OperandSize.Qword : OperandSize.Dword;
        HostRegister host = IsHeld(guest) ? RegisterMap.First : RegisterMap.Of(guest);
        if (address.IsDirect) _emitter.Lea(host, address.Operand(0), size);
        else
        {
            EmitOffset(in address, RegisterMap.First);
            if (host != RegisterMap.First || size != OperandSize.Qword) _emitter.Mov(host, RegisterMap.First, size);
        }

        if (IsHeld(guest)) _emitter.Mov(State(_at.Held(guest)), RegisterMap.First);
    }

    /// <summary>
    /// Where it isn't aligned the interpreter sees to it: on two lines of the cache it costs the host microseconds, or us a signal where the host's kernel forbids it.
    /// </summary>
    private static bool IsLocked(in Instruction instruction) => instruction.HasLockPrefix || instruction.Mnemonic == Mnemonic.Xchg;

    private static bool CanDivide(in Instruction instruction)
    {
        int size = instruction.Op0Kind == OpKind.Memory ? instruction.MemorySize.GetSize()
            : instruction.Op0Register.IsGPR64() ? 8
            : instruction.Op0Register.IsGPR32() ? 4
            : 0;
        return size >= 4;
    }

    /// <summary>
    /// Divides only what is sure to give a quotient that fits: anything else the interpreter does, which raises the fault. Signed
    /// division goes natively when the dividend is one register's sign extension, as compilers have it, and the divisor neither 0 nor -1.
    /// </summary>
    private void EmitDivide(int i, int offset, bool signed)
    {
        ref readonly Instruction instruction = ref _instructions[i];
        bool wide = instruction.Op0Kind == OpKind.Memory ? instruction.MemorySize.GetSize() == 8 : instruction.Op0Register.IsGPR64();
        OperandSize size = wide ? OperandSize.Qword : OperandSize.Dword;
        if (instruction.Op0Kind == OpKind.Memory)
        {
            Address address = AddressOf(in instruction);
            HostOperand operand = EmitAccess(i, in address, wide ? 8 : 4, write: false, aligned: false, offset);
            _emitter.Mov(RegisterMap.First, operand, size);
        }
        else
        {
            SaveFlags();
            LoadGuest(RegisterMap.First, instruction.Op0Register.GetFullRegister() - Register.RAX, size);
        }

        if (signed)
        {
            _second = SecondHolds.Nothing;
            _emitter.Mov(RegisterMap.Second, HostRegister.Rax, size);
            _emitter.Sar(RegisterMap.Second, wide ? 63 : 31, size);
            _emitter.Cmp(RegisterMap.Second, HostRegister.Rdx, size);
            DeferIf(Condition.NotEqual, PendingKind.Interpret, offset);
            _emitter.Lea(RegisterMap.Second, new HostOperand(RegisterMap.First, 1), size);
            _emitter.Cmp(RegisterMap.Second, 1, size);
            DeferIf(Condition.BelowOrEqual, PendingKind.Interpret, offset);
            _emitter.Idiv(RegisterMap.First, size);
        }
        else
        {
            _emitter.Cmp(HostRegister.Rdx, RegisterMap.First, size);
            DeferIf(Condition.AboveOrEqual, PendingKind.Interpret, offset);
            _emitter.Div(RegisterMap.First, size);
        }

        _flags = FlagsPlace.Host;
    }
}
