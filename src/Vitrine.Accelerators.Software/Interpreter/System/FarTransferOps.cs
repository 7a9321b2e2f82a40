using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.System;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>Far CALL, JMP and RET, and IRET (SDM vol. 2).</summary>
internal static unsafe class FarTransferOps
{
    // SAFETY: Extra is an operand size, or (direct transfers) a selector; guest memory is reached through GuestAccess only.

    /// <summary>Names the binders.</summary>
    public static void Register(OpTable table)
    {
        foreach (Code code in (ReadOnlySpan<Code>)
            [Code.Call_ptr1616, Code.Call_ptr1632, Code.Jmp_ptr1616, Code.Jmp_ptr1632])
        {
            table.Add(code, &BindDirect);
        }

        foreach (Code code in (ReadOnlySpan<Code>)
            [Code.Call_m1616, Code.Call_m1632, Code.Call_m1664, Code.Jmp_m1616, Code.Jmp_m1632, Code.Jmp_m1664])
        {
            table.Add(code, &BindIndirect);
        }

        foreach (Code code in (ReadOnlySpan<Code>)
            [Code.Retfw, Code.Retfd, Code.Retfq, Code.Retfw_imm16, Code.Retfd_imm16, Code.Retfq_imm16])
        {
            table.Add(code, &BindReturn);
        }

        table.Add(Code.Iretw, &BindInterruptReturn);
        table.Add(Code.Iretd, &BindInterruptReturn);
        table.Add(Code.Iretq, &BindInterruptReturn);
    }

    /// <summary>Ends an instruction that transferred control, or failed to.</summary>
    public static Op* End(CpuState* cpu, Op* op, TransferOutcome outcome)
    {
        switch (outcome)
        {
            case TransferOutcome.Done:
                return Faults.CompleteAt(cpu, op);
            case TransferOutcome.FaultInNewTask:
                cpu->Instructions += op->Position;
                return null;
            default:
                return Faults.Raise(cpu, op);
        }
    }

    private static void BindDirect(in Instruction instruction, in BindContext context, Op* op)
    {
        bool is16 = instruction.Code is Code.Call_ptr1616 or Code.Jmp_ptr1616;
        op->Imm = is16 ? instruction.FarBranch16 : instruction.FarBranch32;
        op->Extra = instruction.FarBranchSelector;
        op->Src = (ushort)(is16 ? 2 : 4);
        op->Handler = instruction.Mnemonic == Mnemonic.Call ? &CallDirect : &JumpDirect;
    }

    private static Op* CallDirect(CpuState* cpu, Op* op) =>
        End(cpu, op, FarTransfer.Run(cpu, op, op->Extra, op->Imm, op->Src, isCall: true));

    private static Op* JumpDirect(CpuState* cpu, Op* op) =>
        End(cpu, op, FarTransfer.Run(cpu, op, op->Extra, op->Imm, op->Src, isCall: false));

    private static void BindIndirect(in Instruction instruction, in BindContext context, Op* op)
    {
        op->Extra = instruction.Code switch
        {
            Code.Call_m1616 or Code.Jmp_m1616 => 2,
            Code.Call_m1632 or Code.Jmp_m1632 => 4,
            _ => 8,
        };
        op->Handler = instruction.Mnemonic == Mnemonic.Call ? &CallIndirect : &JumpIndirect;
    }

    private static Op* CallIndirect(CpuState* cpu, Op* op) => Indirect(cpu, op, isCall: true);

    private static Op* JumpIndirect(CpuState* cpu, Op* op) => Indirect(cpu, op, isCall: false);

    private static Op* Indirect(CpuState* cpu, Op* op, bool isCall)
    {
        if (!FarPointerOps.TryRead(cpu, op, op->Extra, out ushort selector, out ulong offset)) return Faults.Raise(cpu, op);
        return End(cpu, op, FarTransfer.Run(cpu, op, selector, offset, op->Extra, isCall));
    }

    private static void BindReturn(in Instruction instruction, in BindContext context, Op* op)
    {
        op->Extra = instruction.Code switch
        {
            Code.Retfw or Code.Retfw_imm16 => 2,
            Code.Retfd or Code.Retfd_imm16 => 4,
            _ => 8,
        };
        op->Imm = instruction.OpCount != 0 ? instruction.Immediate16 : 0u;
        op->Handler = &Return;
    }

    private static Op* Return(CpuState* cpu, Op* op) =>
        FarReturn.TryRun(cpu, op, op->Extra, (uint)op->Imm) ? Faults.CompleteAt(cpu, op) : Faults.Raise(cpu, op);

    private static void BindInterruptReturn(in Instruction instruction, in BindContext context, Op* op)
    {
        op->Extra = instruction.Code switch { Code.Iretw => 2, Code.Iretd => 4, _ => 8 };
        op->Handler = &ReturnFromInterrupt;
    }

    private static Op* ReturnFromInterrupt(CpuState* cpu, Op* op)
    {
        ulong flagsBefore = cpu->SystemFlags;
        TransferOutcome outcome = InterruptReturn.Run(cpu, op, op->Extra);
        if (outcome == TransferOutcome.Done) DebugEvents.LoadedFlags(cpu, flagsBefore);

        // A serializing instruction (SDM vol. 3, 9.3); the way to what it returns to leads through the dispatcher.
        Interlocked.MemoryBarrier();
        return End(cpu, op, outcome);
    }
}
