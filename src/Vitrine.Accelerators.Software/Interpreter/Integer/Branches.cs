using System.Runtime.CompilerServices;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter.Integer;

/// <summary>Near JMP, CALL, RET, Jcc, LOOP, JCXZ.</summary>
internal static unsafe class Branches
{
    // SAFETY: handlers follow the contract in README.md.

    /// <summary>All forms.</summary>
    public static void Register(OpTable table)
    {
        Three(table, Code.Jmp_rel8_16, &BindJump<ushort>, &BindJump<uint>, &BindJump<ulong>);
        table.Add(Code.Jmp_rel16, &BindJump<ushort>);
        table.Add(Code.Jmp_rel32_32, &BindJump<uint>);
        table.Add(Code.Jmp_rel32_64, &BindJump<ulong>);
        Three(table, Code.Jmp_rm16, &BindJumpIndirect<ushort>, &BindJumpIndirect<uint>, &BindJumpIndirect<ulong>);
        table.Add(Code.Call_rel16, &BindCall<ushort>);
        table.Add(Code.Call_rel32_32, &BindCall<uint>);
        table.Add(Code.Call_rel32_64, &BindCall<ulong>);
        Three(table, Code.Call_rm16, &BindCallIndirect<ushort>, &BindCallIndirect<uint>, &BindCallIndirect<ulong>);
        table.Add(Code.Retnw, &BindReturn<ushort>);
        table.Add(Code.Retnd, &BindReturn<uint>);
        table.Add(Code.Retnq, &BindReturn<ulong>);
        table.Add(Code.Retnw_imm16, &BindReturn<ushort>);
        table.Add(Code.Retnd_imm16, &BindReturn<uint>);
        table.Add(Code.Retnq_imm16, &BindReturn<ulong>);
        Condition<IfO>(table, Code.Jo_rel8_16, Code.Jo_rel16);
        Condition<Unless<IfO>>(table, Code.Jno_rel8_16, Code.Jno_rel16);
        Condition<IfB>(table, Code.Jb_rel8_16, Code.Jb_rel16);
        Condition<Unless<IfB>>(table, Code.Jae_rel8_16, Code.Jae_rel16);
        Condition<IfE>(table, Code.Je_rel8_16, Code.Je_rel16);
        Condition<Unless<IfE>>(table, Code.Jne_rel8_16, Code.Jne_rel16);
        Condition<IfBe>(table, Code.Jbe_rel8_16, Code.Jbe_rel16);
        Condition<Unless<IfBe>>(table, Code.Ja_rel8_16, Code.Ja_rel16);
        Condition<IfS>(table, Code.Js_rel8_16, Code.Js_rel16);
        Condition<Unless<IfS>>(table, Code.Jns_rel8_16, Code.Jns_rel16);
        Condition<IfP>(table, Code.Jp_rel8_16, Code.Jp_rel16);
        Condition<Unless<IfP>>(table, Code.Jnp_rel8_16, Code.Jnp_rel16);
        Condition<IfL>(table, Code.Jl_rel8_16, Code.Jl_rel16);
        Condition<Unless<IfL>>(table, Code.Jge_rel8_16, Code.Jge_rel16);
        Condition<IfLe>(table, Code.Jle_rel8_16, Code.Jle_rel16);
        Condition<Unless<IfLe>>(table, Code.Jg_rel8_16, Code.Jg_rel16);
        Loops<LoopNotEqual>(table, Code.Loopne_rel8_16_CX);
        Loops<LoopEqual>(table, Code.Loope_rel8_16_CX);
        Loops<LoopAlways>(table, Code.Loop_rel8_16_CX);
        table.Add(Code.Jcxz_rel8_16, &BindLoop<JumpIfZero, ushort>);
        table.Add(Code.Jcxz_rel8_32, &BindLoop<JumpIfZero, uint>);
        table.Add(Code.Jecxz_rel8_16, &BindLoop<JumpIfZero, ushort>);
        table.Add(Code.Jecxz_rel8_32, &BindLoop<JumpIfZero, uint>);
        table.Add(Code.Jecxz_rel8_64, &BindLoop<JumpIfZero, ulong>);
        table.Add(Code.Jrcxz_rel8_16, &BindLoop<JumpIfZero, ushort>);
        table.Add(Code.Jrcxz_rel8_64, &BindLoop<JumpIfZero, ulong>);
    }

    private static void Three(OpTable table, Code first, Binder b16, Binder b32, Binder b64)
    {
        table.Add(first, b16);
        table.Add(first + 1, b32);
        table.Add(first + 2, b64);
    }

    private static void Condition<TCondition>(OpTable table, Code rel8, Code rel16)
        where TCondition : ICondition
    {
        Three(table, rel8, &BindConditional<TCondition, ushort>, &BindConditional<TCondition, uint>, &BindConditional<TCondition, ulong>);
        Three(table, rel16, &BindConditional<TCondition, ushort>, &BindConditional<TCondition, uint>, &BindConditional<TCondition, ulong>);
    }

    // Operand sizes by address sizes: 16_CX, 32_CX, 16_ECX, 32_ECX, 64_ECX, 16_RCX, 64_RCX.
    private static void Loops<TLoop>(OpTable table, Code first)
        where TLoop : ILoop
    {
        table.Add(first, &BindLoop<TLoop, ushort>);
        table.Add(first + 1, &BindLoop<TLoop, uint>);
        table.Add(first + 2, &BindLoop<TLoop, ushort>);
        table.Add(first + 3, &BindLoop<TLoop, uint>);
        table.Add(first + 4, &BindLoop<TLoop, ulong>);
        table.Add(first + 5, &BindLoop<TLoop, ushort>);
        table.Add(first + 6, &BindLoop<TLoop, ulong>);
    }

    /// <summary>
    /// The operand width of a branch truncates its target; outside 64-bit mode the target must lie within CS.limit, in 64-bit
    /// mode it must be canonical.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsValidTarget<T>(CpuState* cpu, ulong target)
        where T : unmanaged
    {
        if (sizeof(T) == 8) return (ulong)((long)(target << 16) >> 16) == target;
        return (cpu->Mode & ExecutionMode.Code64) != 0 || target <= cpu->Segments[Seg.Cs].Limit;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Target<T>(CpuState* cpu, Op* op)
        where T : unmanaged => Width.Truncate<T>(cpu->BlockRip + op->Imm);

    private static void BindJump<T>(in Instruction instruction, in BindContext context, Op* op)
        where T : unmanaged => op->Handler = &Jump<T>;

    private static Op* Jump<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        ulong target = Target<T>(cpu, op);
        if (!IsValidTarget<T>(cpu, target)) return Faults.GeneralProtection(cpu, op);
        return ControlFlow.GoLinked(cpu, op, target);
    }

    private static void BindConditional<TCondition, T>(in Instruction instruction, in BindContext context, Op* op)
        where TCondition : ICondition
        where T : unmanaged => op->Handler = &Conditional<TCondition, T>;

    private static Op* Conditional<TCondition, T>(CpuState* cpu, Op* op)
        where TCondition : ICondition
        where T : unmanaged
    {
        if (!TCondition.Holds(cpu)) return op + 1;
        ulong target = Target<T>(cpu, op);
        if (!IsValidTarget<T>(cpu, target)) return Faults.GeneralProtection(cpu, op);
        return ControlFlow.GoLinked(cpu, op, target);
    }

    private static void BindJumpIndirect<T>(in Instruction instruction, in BindContext context, Op* op)
        where T : unmanaged
    {
        if (instruction.Op0Kind == OpKind.Register) op->Src = Operands.Offset(instruction.Op0Register);
        op->Handler = Operands.IsMemory(instruction, 0) ? &JumpMemory<T> : &JumpRegister<T>;
    }

    private static Op* JumpRegister<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        ulong target = Width.ReadRegister<T>(cpu, op->Src);
        return IsValidTarget<T>(cpu, target) ? ControlFlow.Go(cpu, op, target) : Faults.GeneralProtection(cpu, op);
    }

    private static Op* JumpMemory<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        if (!AnyAddress.ForRead(cpu, op, sizeof(T), out ulong linear) || !GuestAccess.Read(cpu, op, linear, out T value)) return Faults.Raise(cpu, op);
        ulong target = Width.ToUInt64(value);
        return IsValidTarget<T>(cpu, target) ? ControlFlow.Go(cpu, op, target) : Faults.GeneralProtection(cpu, op);
    }

    private static void BindCall<T>(in Instruction instruction, in BindContext context, Op* op)
        where T : unmanaged => op->Handler = &Call<T>;

    private static Op* Call<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        ulong target = Target<T>(cpu, op);
        if (!IsValidTarget<T>(cpu, target)) return Faults.GeneralProtection(cpu, op);
        if (!Stack.Push(cpu, op, Width.From<T>(Faults.NextRip(cpu, op)))) return Faults.Raise(cpu, op);
        return ControlFlow.GoLinked(cpu, op, target);
    }

    private static void BindCallIndirect<T>(in Instruction instruction, in BindContext context, Op* op)
        where T : unmanaged
    {
        if (instruction.Op0Kind == OpKind.Register) op->Src = Operands.Offset(instruction.Op0Register);
        op->Handler = Operands.IsMemory(instruction, 0) ? &CallMemory<T> : &CallRegister<T>;
    }

    private static Op* CallRegister<T>(CpuState* cpu, Op* op)
        where T : unmanaged => CallTo<T>(cpu, op, Width.ReadRegister<T>(cpu, op->Src));

    private static Op* CallMemory<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        if (!AnyAddress.ForRead(cpu, op, sizeof(T), out ulong linear) || !GuestAccess.Read(cpu, op, linear, out T value)) return Faults.Raise(cpu, op);
        return CallTo<T>(cpu, op, Width.ToUInt64(value));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Op* CallTo<T>(CpuState* cpu, Op* op, ulong target)
        where T : unmanaged
    {
        if (!IsValidTarget<T>(cpu, target)) return Faults.GeneralProtection(cpu, op);
        if (!Stack.Push(cpu, op, Width.From<T>(Faults.NextRip(cpu, op)))) return Faults.Raise(cpu, op);
        return ControlFlow.Go(cpu, op, target);
    }

    private static void BindReturn<T>(in Instruction instruction, in BindContext context, Op* op)
        where T : unmanaged => op->Handler = &Return<T>;

    private static Op* Return<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        ulong offset = Stack.Pointer(cpu);
        if (!Stack.Read(cpu, op, offset, out T value)) return Faults.Raise(cpu, op);
        ulong target = Width.ToUInt64(value);
        if (!IsValidTarget<T>(cpu, target)) return Faults.GeneralProtection(cpu, op);
        Stack.SetPointer(cpu, offset + (ulong)sizeof(T) + op->Imm);
        return ControlFlow.Go(cpu, op, target);
    }

    /// <summary>LOOP and its kin: decides whether to jump; the counter is written back by the handler.</summary>
    private interface ILoop
    {
        static abstract bool Decrements { get; }

        static abstract bool Jumps(CpuState* cpu, ulong count);
    }

    private readonly struct LoopAlways : ILoop
    {
        public static bool Decrements => true;

        public static bool Jumps(CpuState* cpu, ulong count) => count != 0;
    }

    private readonly struct LoopEqual : ILoop
    {
        public static bool Decrements => true;

        public static bool Jumps(CpuState* cpu, ulong count) => count != 0 && Flags.Zero(cpu);
    }

    private readonly struct LoopNotEqual : ILoop
    {
        public static bool Decrements => true;

        public static bool Jumps(CpuState* cpu, ulong count) => count != 0 && !Flags.Zero(cpu);
    }

    private readonly struct JumpIfZero : ILoop
    {
        public static bool Decrements => false;

        public static bool Jumps(CpuState* cpu, ulong count) => count == 0;
    }

    private static void BindLoop<TLoop, T>(in Instruction instruction, in BindContext context, Op* op)
        where TLoop : ILoop
        where T : unmanaged
    {
        // The code's name ends with the counter; its width is the address size.
        op->Handler = CounterBits(instruction.Code) switch
        {
            16 => &Loop<TLoop, T, ushort>,
            32 => &Loop<TLoop, T, uint>,
            _ => &Loop<TLoop, T, ulong>,
        };
    }

    private static int CounterBits(Code code) => code switch
    {
        Code.Jcxz_rel8_16 or Code.Jcxz_rel8_32 => 16,
        Code.Jecxz_rel8_16 or Code.Jecxz_rel8_32 or Code.Jecxz_rel8_64 => 32,
        Code.Jrcxz_rel8_16 or Code.Jrcxz_rel8_64 => 64,
        _ => ((int)(code - Code.Loopne_rel8_16_CX) % 7) switch { 0 or 1 => 16, 2 or 3 or 4 => 32, _ => 64 },
    };

    private static Op* Loop<TLoop, T, TCounter>(CpuState* cpu, Op* op)
        where TLoop : ILoop
        where T : unmanaged
        where TCounter : unmanaged
    {
        ulong count = Width.ReadRegister<TCounter>(cpu, CpuState.GprOffset(Gpr.Rcx));
        if (TLoop.Decrements) count = Width.Truncate<TCounter>(count - 1);
        bool jumps = TLoop.Jumps(cpu, count);
        ulong target = Target<T>(cpu, op);
        if (jumps && !IsValidTarget<T>(cpu, target)) return Faults.GeneralProtection(cpu, op);
        if (TLoop.Decrements) Width.WriteRegister<TCounter>(cpu, CpuState.GprOffset(Gpr.Rcx), count);
        return jumps ? ControlFlow.GoLinked(cpu, op, target) : op + 1;
    }
}
