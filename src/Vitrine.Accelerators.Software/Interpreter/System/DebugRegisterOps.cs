using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Registers;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>MOV from and to DRn (SDM vol. 2; vol. 3, 18.2).</summary>
internal static unsafe class DebugRegisterOps
{
    // SAFETY: register operands are offsets computed by binders; Imm is the number of a debug register, 0 to 7.

    /// <summary>Names the binders.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Mov_r32_dr, &Bind);
        table.Add(Code.Mov_r64_dr, &Bind);
        table.Add(Code.Mov_dr_r32, &Bind);
        table.Add(Code.Mov_dr_r64, &Bind);
    }

    private static void Bind(in Instruction instruction, in BindContext context, Op* op)
    {
        bool isRead = instruction.Code is Code.Mov_r32_dr or Code.Mov_r64_dr;
        int number = (isRead ? instruction.Op1Register : instruction.Op0Register) - Iced.Intel.Register.DR0;
        if (number is < 0 or > 7)
        {
            op->Handler = &Faults.InvalidOpcode;
            return;
        }

        op->Imm = (ulong)number;
        op->Extra = (ushort)(context.Is64 ? 8 : 4);
        op->Dst = Operands.Offset(isRead ? instruction.Op0Register : instruction.Op1Register);
        op->Handler = isRead ? &Read : &Write;
    }

    private static Op* Read(CpuState* cpu, Op* op)
    {
        if (!TryAccess(cpu, op, out int number)) return Faults.Raise(cpu, op);
        GuestDebugging debugging = Processor.Of(cpu).Debugging;
        ulong value = number switch
        {
            < 4 => debugging[number],
            6 => (debugging.Dr6 & Dr6.Writable) | Dr6.Fixed1,
            _ => debugging.Dr7 | Dr7.Fixed1,
        };
        SystemOperand.WriteSized(cpu, op->Dst, op->Extra, value);
        return op + 1;
    }

    private static Op* Write(CpuState* cpu, Op* op)
    {
        if (!TryAccess(cpu, op, out int number)) return Faults.Raise(cpu, op);
        ulong value = op->Extra == 8 ? Width.ReadRegister<ulong>(cpu, op->Dst) : Width.ReadRegister<uint>(cpu, op->Dst);
        if (number >= 6 && value > uint.MaxValue) return Faults.GeneralProtection(cpu, op);
        GuestDebugging debugging = Processor.Of(cpu).Debugging;
        if (number < 4) debugging[number] = value;
        else if (number == 6) debugging.Dr6 = (value & Dr6.Writable) | Dr6.Fixed1;
        else debugging.Dr7 = (value & Dr7.Writable) | Dr7.Fixed1;
        ModeChange.Apply(cpu);
        return Faults.SerializeAndLeave(cpu, op);
    }

    /// <summary>The checks in their order: DR4 and DR5 with CR4.DE, privilege, general detect.</summary>
    private static bool TryAccess(CpuState* cpu, Op* op, out int number)
    {
        number = (int)op->Imm;
        if (number is 4 or 5)
        {
            if ((cpu->Cr4 & Cr4.DE) != 0)
            {
                cpu->SetFault(ExceptionVector.UD);
                return false;
            }

            number += 2;
        }

        if (cpu->Cpl != 0)
        {
            cpu->SetFault(ExceptionVector.GP, 0);
            return false;
        }

        if ((cpu->Dr7 & Dr7.GD) == 0) return true;
        cpu->Dr6 |= Dr6.BD;
        cpu->SetFault(ExceptionVector.DB);
        return false;
    }
}
