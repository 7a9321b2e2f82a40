using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter.Integer;

/// <summary>PUSH and POP of general registers, memory and immediates; PUSHA, POPA, ENTER, LEAVE.</summary>
internal static unsafe class StackInstructions
{
    // SAFETY: handlers follow the contract in README.md.

    /// <summary>All forms.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Push_r16, &BindPush<ushort>);
        table.Add(Code.Push_r32, &BindPush<uint>);
        table.Add(Code.Push_r64, &BindPush<ulong>);
        table.Add(Code.Push_rm16, &BindPush<ushort>);
        table.Add(Code.Push_rm32, &BindPush<uint>);
        table.Add(Code.Push_rm64, &BindPush<ulong>);
        table.Add(Code.Push_imm16, &BindPush<ushort>);
        table.Add(Code.Pushd_imm32, &BindPush<uint>);
        table.Add(Code.Pushq_imm32, &BindPush<ulong>);
        table.Add(Code.Pushw_imm8, &BindPush<ushort>);
        table.Add(Code.Pushd_imm8, &BindPush<uint>);
        table.Add(Code.Pushq_imm8, &BindPush<ulong>);
        table.Add(Code.Pop_r16, &BindPop<ushort>);
        table.Add(Code.Pop_r32, &BindPop<uint>);
        table.Add(Code.Pop_r64, &BindPop<ulong>);
        table.Add(Code.Pop_rm16, &BindPop<ushort>);
        table.Add(Code.Pop_rm32, &BindPop<uint>);
        table.Add(Code.Pop_rm64, &BindPop<ulong>);
        table.Add(Code.Pushaw, &BindPushAll<ushort>);
        table.Add(Code.Pushad, &BindPushAll<uint>);
        table.Add(Code.Popaw, &BindPopAll<ushort>);
        table.Add(Code.Popad, &BindPopAll<uint>);
        table.Add(Code.Enterw_imm16_imm8, &BindEnter<ushort>);
        table.Add(Code.Enterd_imm16_imm8, &BindEnter<uint>);
        table.Add(Code.Enterq_imm16_imm8, &BindEnter<ulong>);
        table.Add(Code.Leavew, &BindLeave<ushort>);
        table.Add(Code.Leaved, &BindLeave<uint>);
        table.Add(Code.Leaveq, &BindLeave<ulong>);
    }

    private static void BindPush<T>(in Instruction instruction, in BindContext context, Op* op)
        where T : unmanaged
    {
        if (Operands.IsMemory(instruction, 0))
        {
            op->Handler = &PushMemory<T>;
            return;
        }

        bool register = instruction.Op0Kind == OpKind.Register;
        if (register) op->Src = Operands.Offset(instruction.Op0Register);
        op->Handler = register ? &Push<T, RegisterSource> : &Push<T, ImmediateSource>;
    }

    private static Op* Push<T, TSource>(CpuState* cpu, Op* op)
        where T : unmanaged
        where TSource : ISource =>
        Stack.Push(cpu, op, Width.From<T>(TSource.Get<T>(cpu, op))) ? op + 1 : Faults.Raise(cpu, op);

    private static Op* PushMemory<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        if (!AnyAddress.ForRead(cpu, op, sizeof(T), out ulong linear) || !GuestAccess.Read(cpu, op, linear, out T value)) return Faults.Raise(cpu, op);
        return Stack.Push(cpu, op, value) ? op + 1 : Faults.Raise(cpu, op);
    }

    private static void BindPop<T>(in Instruction instruction, in BindContext context, Op* op)
        where T : unmanaged
    {
        Operands.Destination(instruction, op);
        op->Handler = Operands.IsMemory(instruction, 0) ? &PopMemory<T> : &Pop<T>;
    }

    private static Op* Pop<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        ulong offset = Stack.Pointer(cpu);
        if (!Stack.Read(cpu, op, offset, out T value)) return Faults.Raise(cpu, op);
        Stack.SetPointer(cpu, offset + (ulong)sizeof(T));
        Width.WriteRegister<T>(cpu, op->Dst, Width.ToUInt64(value));
        return op + 1;
    }

    private static Op* PopMemory<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        ulong offset = Stack.Pointer(cpu);
        if (!Stack.Read(cpu, op, offset, out T value)) return Faults.Raise(cpu, op);

        // An address based on the stack pointer uses its value after the pop (SDM vol. 2, POP), wrapped to the stack's width.
        ulong before = cpu->Gpr[Gpr.Rsp];
        Stack.SetPointer(cpu, offset + (ulong)sizeof(T));
        if (AnyAddress.ForWrite(cpu, op, sizeof(T), out ulong linear) && GuestAccess.Write(cpu, op, linear, value)) return op + 1;
        cpu->Gpr[Gpr.Rsp] = before;
        return Faults.Raise(cpu, op);
    }

    private static void BindPushAll<T>(in Instruction instruction, in BindContext context, Op* op)
        where T : unmanaged => op->Handler = &PushAll<T>;

    private static void BindPopAll<T>(in Instruction instruction, in BindContext context, Op* op)
        where T : unmanaged => op->Handler = &PopAll<T>;

    private static Op* PushAll<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        ulong offset = Stack.Pointer(cpu);
        ulong probe = offset;
        for (int i = 0; i < 8; i++)
        {
            probe = Stack.Below(cpu, probe, (uint)sizeof(T));
            if (!Stack.ProbeWrite(cpu, op, probe, sizeof(T))) return Faults.Raise(cpu, op);
        }

        for (int i = 0; i < 8; i++)
        {
            offset = Stack.Below(cpu, offset, (uint)sizeof(T));
            if (!Stack.Write(cpu, op, offset, Width.From<T>(cpu->Gpr[i]))) return Faults.Raise(cpu, op);
        }

        Stack.SetPointer(cpu, offset);
        return op + 1;
    }

    private static Op* PopAll<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        T* values = stackalloc T[8];
        ulong offset = Stack.Pointer(cpu);
        for (int i = 7; i >= 0; i--)
        {
            if (!Stack.Read(cpu, op, offset, out values[i])) return Faults.Raise(cpu, op);
            offset = Stack.Below(cpu, offset + (2 * (uint)sizeof(T)), (uint)sizeof(T));
        }

        for (int i = 0; i < 8; i++)
        {
            if (i != Gpr.Rsp) Width.WriteRegister<T>(cpu, CpuState.GprOffset(i), Width.ToUInt64(values[i]));
        }

        Stack.SetPointer(cpu, offset);
        return op + 1;
    }

    private static void BindEnter<T>(in Instruction instruction, in BindContext context, Op* op)
        where T : unmanaged
    {
        op->Imm = instruction.Immediate16;
        op->Extra = (ushort)(instruction.Immediate8_2nd & 31);
        op->Handler = &Enter<T>;
    }

    private static Op* Enter<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        int level = op->Extra;
        ulong rbp = cpu->Gpr[Gpr.Rbp];
        ulong offset = Stack.Below(cpu, Stack.Pointer(cpu), (uint)sizeof(T));

        // FrameTemp is the whole register, whose upper half a 16-bit stack leaves alone (SDM vol. 2, ENTER).
        ulong frame = Stack.Register(cpu, offset);
        if (!Stack.Write(cpu, op, offset, Width.From<T>(rbp))) return Faults.Raise(cpu, op);
        ulong display = Stack.Below(cpu, rbp, 0);
        for (int i = 1; i < level; i++)
        {
            display = Stack.Below(cpu, display, (uint)sizeof(T));
            offset = Stack.Below(cpu, offset, (uint)sizeof(T));
            if (!Stack.Read(cpu, op, display, out T pointer) || !Stack.Write(cpu, op, offset, pointer)) return Faults.Raise(cpu, op);
        }

        if (level > 0)
        {
            offset = Stack.Below(cpu, offset, (uint)sizeof(T));
            if (!Stack.Write(cpu, op, offset, Width.From<T>(frame))) return Faults.Raise(cpu, op);
        }

        offset = Stack.Below(cpu, offset, (uint)op->Imm);
        if (!Stack.ProbeWrite(cpu, op, offset, sizeof(T))) return Faults.Raise(cpu, op);
        Width.WriteRegister<T>(cpu, CpuState.GprOffset(Gpr.Rbp), frame);
        Stack.SetPointer(cpu, offset);
        return op + 1;
    }

    private static void BindLeave<T>(in Instruction instruction, in BindContext context, Op* op)
        where T : unmanaged => op->Handler = &Leave<T>;

    private static Op* Leave<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        ulong offset = Stack.Below(cpu, cpu->Gpr[Gpr.Rbp], 0);
        if (!Stack.Read(cpu, op, offset, out T value)) return Faults.Raise(cpu, op);
        Stack.SetPointer(cpu, offset + (ulong)sizeof(T));
        Width.WriteRegister<T>(cpu, CpuState.GprOffset(Gpr.Rbp), Width.ToUInt64(value));
        return op + 1;
    }
}
