using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>MOV, PUSH and POP of segment registers (SDM vol. 2).</summary>
internal static unsafe class SegmentMoveOps
{
    // SAFETY: register operands are offsets computed by binders; Extra is an operand size, Imm a segment number below 6.
    private const uint ShadowMovSs = 1;

    /// <summary>Names the binders.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Mov_rm16_Sreg, &BindFrom);
        table.Add(Code.Mov_r32m16_Sreg, &BindFrom);
        table.Add(Code.Mov_r64m16_Sreg, &BindFrom);
        table.Add(Code.Mov_Sreg_rm16, &BindTo);
        table.Add(Code.Mov_Sreg_r32m16, &BindTo);
        table.Add(Code.Mov_Sreg_r64m16, &BindTo);
        foreach (Code code in (ReadOnlySpan<Code>)
            [Code.Pushw_ES, Code.Pushd_ES, Code.Pushw_CS, Code.Pushd_CS, Code.Pushw_SS, Code.Pushd_SS, Code.Pushw_DS,
            Code.Pushd_DS, Code.Pushw_FS, Code.Pushd_FS, Code.Pushq_FS, Code.Pushw_GS, Code.Pushd_GS, Code.Pushq_GS])
        {
            table.Add(code, &BindPush);
        }

        foreach (Code code in (ReadOnlySpan<Code>)
            [Code.Popw_ES, Code.Popd_ES, Code.Popw_SS, Code.Popd_SS, Code.Popw_DS, Code.Popd_DS,
            Code.Popw_FS, Code.Popd_FS, Code.Popq_FS, Code.Popw_GS, Code.Popd_GS, Code.Popq_GS])
        {
            table.Add(code, &BindPop);
        }
    }

    /// <summary>Ends an instruction that has loaded a segment register.</summary>
    public static Op* Loaded(CpuState* cpu, Op* op, int number)
    {
        // 64-bit code depends on no data segment but FS and GS, whose bases are read when they are used.
        if ((cpu->Mode & ExecutionMode.Code64) != 0 && number != Seg.Ss) return op + 1;

        // SS decides how wide the stack is, and all three whether segments are flat.
        if (number is Seg.Ss or Seg.Ds or Seg.Es) ModeChange.Apply(cpu);
        return Faults.CompleteAndLeave(cpu, op);
    }

    private static void BindFrom(in Instruction instruction, in BindContext context, Op* op)
    {
        Operands.Destination(instruction, op);
        op->Imm = (ulong)Operands.SegmentNumber(instruction.Op1Register);
        op->Extra = instruction.Code switch { Code.Mov_rm16_Sreg => 2, Code.Mov_r32m16_Sreg => 4, _ => 8 };
        op->Handler = &MoveFrom;
    }

    private static Op* MoveFrom(CpuState* cpu, Op* op) => SystemOperand.StoreWord(cpu, op, cpu->Segments[(int)op->Imm].Selector);

    private static void BindTo(in Instruction instruction, in BindContext context, Op* op)
    {
        // MOV CS is #UD; Iced decodes it.
        if (instruction.Op0Register == Iced.Intel.Register.CS)
        {
            op->Handler = &Faults.InvalidOpcode;
            return;
        }

        Operands.Source(instruction, op);
        op->Imm = (ulong)Operands.SegmentNumber(instruction.Op0Register);
        op->Handler = &MoveTo;
    }

    private static Op* MoveTo(CpuState* cpu, Op* op)
    {
        int number = (int)op->Imm;
        if (!SystemOperand.TryRead(cpu, op, op->Src, out ushort selector)) return Faults.Raise(cpu, op);
        if (!SegmentLoad.TryLoad(cpu, number, selector)) return Faults.Raise(cpu, op);
        if (number == Seg.Ss) cpu->InterruptShadow |= ShadowMovSs;
        return Loaded(cpu, op, number);
    }

    private static int StackSize(Code code) => code switch
    {
        Code.Pushw_ES or Code.Pushw_CS or Code.Pushw_SS or Code.Pushw_DS or Code.Pushw_FS or Code.Pushw_GS
            or Code.Popw_ES or Code.Popw_SS or Code.Popw_DS or Code.Popw_FS or Code.Popw_GS => 2,
        Code.Pushq_FS or Code.Pushq_GS or Code.Popq_FS or Code.Popq_GS => 8,
        _ => 4,
    };

    private static void BindPush(in Instruction instruction, in BindContext context, Op* op)
    {
        op->Imm = (ulong)Operands.SegmentNumber(instruction.Op0Register);
        op->Extra = (ushort)StackSize(instruction.Code);
        op->Handler = &Push;
    }

    private static Op* Push(CpuState* cpu, Op* op)
    {
        uint selector = cpu->Segments[(int)op->Imm].Selector;
        ulong offset = Stack.Below(cpu, Stack.Pointer(cpu), op->Extra);

        // With a 32-bit operand size recent processors store 16 bits and leave the upper half of the slot (SDM vol. 2, PUSH).
        bool ok = op->Extra == 8
            ? Stack.Write(cpu, op, offset, (ulong)selector)
            : Stack.Write(cpu, op, offset, (ushort)selector);
        if (!ok) return Faults.Raise(cpu, op);
        Stack.SetPointer(cpu, offset);
        return op + 1;
    }

    private static void BindPop(in Instruction instruction, in BindContext context, Op* op)
    {
        op->Imm = (ulong)Operands.SegmentNumber(instruction.Op0Register);
        op->Extra = (ushort)StackSize(instruction.Code);
        op->Handler = &Pop;
    }

    private static Op* Pop(CpuState* cpu, Op* op)
    {
        int number = (int)op->Imm;
        PopFrame frame = new(cpu, op, op->Extra);
        if (!frame.TryPop(out ulong value)) return Faults.Raise(cpu, op);
        if (!SegmentLoad.TryLoad(cpu, number, (ushort)value)) return Faults.Raise(cpu, op);

        // POP SS moves the stack pointer of the old stack's width: the mode follows only below.
        StackPointer.Set(cpu, frame.Mask, frame.Pointer);
        if (number == Seg.Ss) cpu->InterruptShadow |= ShadowMovSs;
        return Loaded(cpu, op, number);
    }
}
