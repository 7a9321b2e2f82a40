using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Registers;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>MOV from and to CRn, CLTS, SMSW and LMSW (SDM vol. 2).</summary>
internal static unsafe class ControlRegisterOps
{
    // SAFETY: register operands are offsets computed by binders; Extra is an operand size, Imm the number of a control register.
    private const ulong MachineStatusWord = Cr0.PE | Cr0.MP | Cr0.EM | Cr0.TS;
    private const ulong MaxTaskPriority = 0xF;

    /// <summary>Names the binders.</summary>
    public static void Register(OpTable table)
    {
        foreach (Code code in (ReadOnlySpan<Code>)[Code.Mov_r32_cr, Code.Mov_r64_cr, Code.Mov_cr_r32, Code.Mov_cr_r64])
            table.Add(code, &BindMove);
        foreach (Code code in (ReadOnlySpan<Code>)
            [Code.Clts, Code.Smsw_rm16, Code.Smsw_r32m16, Code.Smsw_r64m16, Code.Lmsw_rm16, Code.Lmsw_r32m16, Code.Lmsw_r64m16])
        {
            table.Add(code, &BindStatusWord);
        }
    }

    private static void BindMove(in Instruction instruction, in BindContext context, Op* op)
    {
        bool isRead = instruction.Code is Code.Mov_r32_cr or Code.Mov_r64_cr;
        int number = (isRead ? instruction.Op1Register : instruction.Op0Register) - Iced.Intel.Register.CR0;
        if (number is not (0 or 2 or 3 or 4 or 8))
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
        if (cpu->Cpl != 0) return Faults.GeneralProtection(cpu, op);
        ulong value = op->Imm switch
        {
            0 => cpu->Cr0,
            2 => cpu->Cr2,
            3 => cpu->Cr3,
            4 => cpu->Cr4,
            _ => Processor.Of(cpu).LocalApic.Cr8,
        };
        SystemOperand.WriteSized(cpu, op->Dst, op->Extra, value);
        return op + 1;
    }

    private static Op* Write(CpuState* cpu, Op* op)
    {
        if (cpu->Cpl != 0) return Faults.GeneralProtection(cpu, op);
        ulong value = op->Extra == 8 ? Width.ReadRegister<ulong>(cpu, op->Dst) : Width.ReadRegister<uint>(cpu, op->Dst);
        bool done;
        switch (op->Imm)
        {
            case 0:
                done = ControlRegisters.TryWriteCr0(cpu, value);
                break;
            case 2:
                cpu->Cr2 = value;
                return Faults.Serialize(cpu, op);
            case 3:
                done = ControlRegisters.TryWriteCr3(cpu, value);
                break;
            case 4:
                done = ControlRegisters.TryWriteCr4(cpu, value);
                break;
            default:
                done = value <= MaxTaskPriority || GuestFault.GeneralProtection(cpu, 0);
                if (done) SetTaskPriority(cpu, (byte)value);
                break;
        }

        return done ? Faults.SerializeAndLeave(cpu, op) : Faults.Raise(cpu, op);
    }

    private static void SetTaskPriority(CpuState* cpu, byte value)
    {
        Processor processor = Processor.Of(cpu);
        if (processor.Behavior.LocalApicAtClient && value < processor.LocalApic.Cr8)
        {
            processor.Client.TaskPriorityLowered = true;
            Volatile.Write(ref cpu->PollAt, 0);
        }

        processor.LocalApic.Cr8 = value;

        // Kernels change it often, and seldom does anything wait for that.
        if (processor.LocalApic.HasDeliverableInterrupt(out _)) Volatile.Write(ref cpu->PollAt, 0);
    }

    private static void BindStatusWord(in Instruction instruction, in BindContext context, Op* op)
    {
        if (instruction.OpCount != 0)
        {
            Operands.Destination(instruction, op);
            if (instruction.Op0Kind == OpKind.Register) op->Extra = (ushort)instruction.Op0Register.GetSize();
        }

        op->Handler = instruction.Mnemonic switch
        {
            Mnemonic.Clts => &ClearTaskSwitched,
            Mnemonic.Smsw => &StoreStatusWord,
            _ => &LoadStatusWord,
        };
    }

    private static Op* ClearTaskSwitched(CpuState* cpu, Op* op)
    {
        if (cpu->Cpl != 0) return Faults.GeneralProtection(cpu, op);
        if ((cpu->Cr0 & Cr0.TS) == 0) return op + 1;
        cpu->Cr0 &= ~Cr0.TS;
        ModeChange.Apply(cpu);
        return Faults.CompleteAndLeave(cpu, op);
    }

    private static Op* StoreStatusWord(CpuState* cpu, Op* op) =>
        DescriptorRegisterOps.IsHiddenFromUser(cpu)
            ? Faults.GeneralProtection(cpu, op)
            : SystemOperand.StoreWord(cpu, op, cpu->Cr0);

    private static Op* LoadStatusWord(CpuState* cpu, Op* op)
    {
        if (cpu->Cpl != 0) return Faults.GeneralProtection(cpu, op);
        if (!SystemOperand.TryRead(cpu, op, op->Dst, out ushort value)) return Faults.Raise(cpu, op);

        // LMSW can set PE but not clear it (SDM vol. 2, LMSW).
        ulong changed = (cpu->Cr0 & ~MachineStatusWord) | (value & MachineStatusWord) | (cpu->Cr0 & Cr0.PE);
        return ControlRegisters.TryWriteCr0(cpu, changed) ? Faults.SerializeAndLeave(cpu, op) : Faults.Raise(cpu, op);
    }
}
