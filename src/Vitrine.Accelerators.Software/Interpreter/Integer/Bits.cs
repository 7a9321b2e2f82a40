using System.Numerics;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.Interpreter.Integer;

/// <summary>BT, BTS, BTR, BTC, BSF, BSR, POPCNT, SETcc and CMOVcc.</summary>
internal static unsafe class Bits
{
    // SAFETY: handlers follow the contract in README.md.

    /// <summary>All forms.</summary>
    public static void Register(OpTable table)
    {
        TestFamily<Keep>(table, Code.Bt_rm16_r16, Code.Bt_rm16_imm8);
        TestFamily<SetBit>(table, Code.Bts_rm16_r16, Code.Bts_rm16_imm8);
        TestFamily<Reset>(table, Code.Btr_rm16_r16, Code.Btr_rm16_imm8);
        TestFamily<Complement>(table, Code.Btc_rm16_r16, Code.Btc_rm16_imm8);
        Three(table, Code.Bsf_r16_rm16, &BindScan<Forward, ushort>, &BindScan<Forward, uint>, &BindScan<Forward, ulong>);
        Three(table, Code.Bsr_r16_rm16, &BindScan<Reverse, ushort>, &BindScan<Reverse, uint>, &BindScan<Reverse, ulong>);
        Three(table, Code.Popcnt_r16_rm16, &BindScan<Population, ushort>, &BindScan<Population, uint>, &BindScan<Population, ulong>);
        Conditional<IfO>(table, Code.Seto_rm8, Code.Cmovo_r16_rm16);
        Conditional<Unless<IfO>>(table, Code.Setno_rm8, Code.Cmovno_r16_rm16);
        Conditional<IfB>(table, Code.Setb_rm8, Code.Cmovb_r16_rm16);
        Conditional<Unless<IfB>>(table, Code.Setae_rm8, Code.Cmovae_r16_rm16);
        Conditional<IfE>(table, Code.Sete_rm8, Code.Cmove_r16_rm16);
        Conditional<Unless<IfE>>(table, Code.Setne_rm8, Code.Cmovne_r16_rm16);
        Conditional<IfBe>(table, Code.Setbe_rm8, Code.Cmovbe_r16_rm16);
        Conditional<Unless<IfBe>>(table, Code.Seta_rm8, Code.Cmova_r16_rm16);
        Conditional<IfS>(table, Code.Sets_rm8, Code.Cmovs_r16_rm16);
        Conditional<Unless<IfS>>(table, Code.Setns_rm8, Code.Cmovns_r16_rm16);
        Conditional<IfP>(table, Code.Setp_rm8, Code.Cmovp_r16_rm16);
        Conditional<Unless<IfP>>(table, Code.Setnp_rm8, Code.Cmovnp_r16_rm16);
        Conditional<IfL>(table, Code.Setl_rm8, Code.Cmovl_r16_rm16);
        Conditional<Unless<IfL>>(table, Code.Setge_rm8, Code.Cmovge_r16_rm16);
        Conditional<IfLe>(table, Code.Setle_rm8, Code.Cmovle_r16_rm16);
        Conditional<Unless<IfLe>>(table, Code.Setg_rm8, Code.Cmovg_r16_rm16);
    }

    private static void Three(OpTable table, Code first, Binder b16, Binder b32, Binder b64)
    {
        table.Add(first, b16);
        table.Add(first + 1, b32);
        table.Add(first + 2, b64);
    }

    private static void TestFamily<TChange>(OpTable table, Code byRegister, Code byImmediate)
        where TChange : IBitChange
    {
        Three(table, byRegister, &BindTest<TChange, ushort>, &BindTest<TChange, uint>, &BindTest<TChange, ulong>);
        Three(table, byImmediate, &BindTest<TChange, ushort>, &BindTest<TChange, uint>, &BindTest<TChange, ulong>);
    }

    private static void Conditional<TCondition>(OpTable table, Code set, Code move)
        where TCondition : ICondition
    {
        table.Add(set, &BindSet<TCondition>);
        Three(table, move, &BindMove<TCondition, ushort>, &BindMove<TCondition, uint>, &BindMove<TCondition, ulong>);
    }

    private interface IBitChange
    {
        static abstract bool Writes { get; }

        static abstract ulong Apply(ulong value, ulong bit);
    }

    private readonly struct Keep : IBitChange
    {
        public static bool Writes => false;

        public static ulong Apply(ulong value, ulong bit) => value;
    }

    private readonly struct SetBit : IBitChange
    {
        public static bool Writes => true;

        public static ulong Apply(ulong value, ulong bit) => value | bit;
    }

    private readonly struct Reset : IBitChange
    {
        public static bool Writes => true;

        public static ulong Apply(ulong value, ulong bit) => value & ~bit;
    }

    private readonly struct Complement : IBitChange
    {
        public static bool Writes => true;

        public static ulong Apply(ulong value, ulong bit) => value ^ bit;
    }

    private static void BindTest<TChange, T>(in Instruction instruction, in BindContext context, Op* op)
        where TChange : IBitChange
        where T : unmanaged
    {
        Operands.Destination(instruction, op);
        bool byRegister = instruction.Op1Kind == OpKind.Register;
        if (byRegister) op->Src = Operands.Offset(instruction.Op1Register);
        bool memory = Operands.IsMemory(instruction, 0);
        if (memory && instruction.HasLockPrefix) op->Handler = byRegister ? &TestLocked<TChange, T, RegisterSource> : &TestLocked<TChange, T, ImmediateSource>;
        else if (byRegister) op->Handler = memory ? &TestMemory<TChange, T, RegisterSource> : &TestRegister<TChange, T, RegisterSource>;
        else op->Handler = memory ? &TestMemory<TChange, T, ImmediateSource> : &TestRegister<TChange, T, ImmediateSource>;
    }

    private static Op* TestRegister<TChange, T, TSource>(CpuState* cpu, Op* op)
        where TChange : IBitChange
        where T : unmanaged
        where TSource : ISource
    {
        ulong a = Width.ReadRegister<T>(cpu, op->Dst);
        ulong bit = 1UL << ((int)TSource.Get<T>(cpu, op) & (Width.Bits<T>() - 1));
        if (TChange.Writes) Width.WriteRegister<T>(cpu, op->Dst, TChange.Apply(a, bit));
        Flags.SetCarry(cpu, (a & bit) != 0);
        return op + 1;
    }

    private static Op* TestMemory<TChange, T, TSource>(CpuState* cpu, Op* op)
        where TChange : IBitChange
        where T : unmanaged
        where TSource : ISource
    {
        Op located = Locate<T, TSource>(cpu, op, out ulong bit);
        T value;
        if (TChange.Writes)
        {
            if (!AnyAddress.ForWrite(cpu, &located, sizeof(T), out ulong linear) || !GuestAccess.ReadForWrite(cpu, op, linear, out value)) return Faults.Raise(cpu, op);
            if (!GuestAccess.Write(cpu, op, linear, Width.From<T>(TChange.Apply(Width.ToUInt64(value), bit)))) return Faults.Raise(cpu, op);
        }
        else
        {
            if (!AnyAddress.ForRead(cpu, &located, sizeof(T), out ulong linear) || !GuestAccess.Read(cpu, op, linear, out value)) return Faults.Raise(cpu, op);
        }

        Flags.SetCarry(cpu, (Width.ToUInt64(value) & bit) != 0);
        return op + 1;
    }

    private static Op* TestLocked<TChange, T, TSource>(CpuState* cpu, Op* op)
        where TChange : IBitChange
        where T : unmanaged
        where TSource : ISource
    {
        LockedOperand operand;
        Op located = Locate<T, TSource>(cpu, op, out ulong bit);
        if (!AnyAddress.ForWrite(cpu, &located, sizeof(T), out ulong linear) || !LockedAccess.Begin<T>(cpu, op, linear, &operand)) return Faults.Raise(cpu, op);
        T value = LockedAccess.Read<T>(&operand);
        ulong r;
        do r = TChange.Apply(Width.ToUInt64(value), bit);
        while (!LockedAccess.TryReplace(&operand, ref value, r));
        if (!LockedAccess.End<T>(cpu, op, &operand)) return Faults.Raise(cpu, op);
        Flags.SetCarry(cpu, (Width.ToUInt64(value) & bit) != 0);
        return op + 1;
    }

    /// <summary>The operation with the address of the word that holds the bit.</summary>
    private static Op Locate<T, TSource>(CpuState* cpu, Op* op, out ulong bit)
        where T : unmanaged
        where TSource : ISource
    {
        // A register's bit offset reaches beyond the operand: it is signed and selects another word of the bit string.
        Op located = *op;
        long offset = (long)Width.SignExtend<T>(TSource.Get<T>(cpu, op));
        if (typeof(TSource) == typeof(RegisterSource)) located.Disp += (offset >> BitOperations.Log2((uint)Width.Bits<T>())) * sizeof(T);
        bit = 1UL << ((int)offset & (Width.Bits<T>() - 1));
        return located;
    }

    private interface IScan
    {
        static abstract void Apply<T>(CpuState* cpu, Op* op, ulong value)
            where T : unmanaged;
    }

    // With a zero source the destination is undefined by Intel's manual; processors of both vendors leave it, and Linux relies on it. Some clear the upper
    // half of the 64-bit register.
    private static void KeepLower<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        if (sizeof(T) == sizeof(uint) && HostAnswers.ScanOfZeroClearsUpperHalf) Width.WriteRegister<T>(cpu, op->Dst, Width.ReadRegister<T>(cpu, op->Dst));
    }

    private readonly struct Forward : IScan
    {
        public static void Apply<T>(CpuState* cpu, Op* op, ulong value)
            where T : unmanaged
        {
            if (value != 0) Width.WriteRegister<T>(cpu, op->Dst, (ulong)BitOperations.TrailingZeroCount(value));
            else KeepLower<T>(cpu, op);
            Flags.Set<T>(cpu, value, 0);
        }
    }

    private readonly struct Reverse : IScan
    {
        public static void Apply<T>(CpuState* cpu, Op* op, ulong value)
            where T : unmanaged
        {
            if (value != 0) Width.WriteRegister<T>(cpu, op->Dst, (ulong)BitOperations.Log2(value));
            else KeepLower<T>(cpu, op);
            Flags.Set<T>(cpu, value, 0);
        }
    }

    // All flags are cleared except ZF; PF too, so it can't follow the result.
    private readonly struct Population : IScan
    {
        public static void Apply<T>(CpuState* cpu, Op* op, ulong value)
            where T : unmanaged
        {
            Width.WriteRegister<T>(cpu, op->Dst, (ulong)BitOperations.PopCount(value));
            Flags.SetArithmetic(cpu, value == 0 ? Flags.Zf : 0);
        }
    }

    private static void BindScan<TScan, T>(in Instruction instruction, in BindContext context, Op* op)
        where TScan : IScan
        where T : unmanaged
    {
        Operands.Destination(instruction, op);
        Operands.Source(instruction, op);
        op->Handler = Operands.IsMemory(instruction, 1) ? &ScanMemory<TScan, T> : &ScanRegister<TScan, T>;
    }

    private static Op* ScanRegister<TScan, T>(CpuState* cpu, Op* op)
        where TScan : IScan
        where T : unmanaged
    {
        TScan.Apply<T>(cpu, op, Width.ReadRegister<T>(cpu, op->Src));
        return op + 1;
    }

    private static Op* ScanMemory<TScan, T>(CpuState* cpu, Op* op)
        where TScan : IScan
        where T : unmanaged
    {
        if (!AnyAddress.ForRead(cpu, op, sizeof(T), out ulong linear) || !GuestAccess.Read(cpu, op, linear, out T value)) return Faults.Raise(cpu, op);
        TScan.Apply<T>(cpu, op, Width.ToUInt64(value));
        return op + 1;
    }

    private static void BindSet<TCondition>(in Instruction instruction, in BindContext context, Op* op)
        where TCondition : ICondition
    {
        Operands.Destination(instruction, op);
        op->Handler = Operands.IsMemory(instruction, 0) ? &SetMemory<TCondition> : &SetRegister<TCondition>;
    }

    private static Op* SetRegister<TCondition>(CpuState* cpu, Op* op)
        where TCondition : ICondition
    {
        *((byte*)cpu + op->Dst) = TCondition.Holds(cpu) ? (byte)1 : (byte)0;
        return op + 1;
    }

    private static Op* SetMemory<TCondition>(CpuState* cpu, Op* op)
        where TCondition : ICondition
    {
        byte value = TCondition.Holds(cpu) ? (byte)1 : (byte)0;
        if (!AnyAddress.ForWrite(cpu, op, 1, out ulong linear) || !GuestAccess.Write(cpu, op, linear, value)) return Faults.Raise(cpu, op);
        return op + 1;
    }

    private static void BindMove<TCondition, T>(in Instruction instruction, in BindContext context, Op* op)
        where TCondition : ICondition
        where T : unmanaged
    {
        Operands.Destination(instruction, op);
        Operands.Source(instruction, op);
        op->Handler = Operands.IsMemory(instruction, 1) ? &MoveMemory<TCondition, T> : &MoveRegister<TCondition, T>;
    }

    // The source is read, and a 32-bit destination zero-extended, whether or not the condition holds.
    private static Op* MoveRegister<TCondition, T>(CpuState* cpu, Op* op)
        where TCondition : ICondition
        where T : unmanaged
    {
        ushort from = TCondition.Holds(cpu) ? op->Src : op->Dst;
        Width.WriteRegister<T>(cpu, op->Dst, Width.ReadRegister<T>(cpu, from));
        return op + 1;
    }

    private static Op* MoveMemory<TCondition, T>(CpuState* cpu, Op* op)
        where TCondition : ICondition
        where T : unmanaged
    {
        if (!AnyAddress.ForRead(cpu, op, sizeof(T), out ulong linear) || !GuestAccess.Read(cpu, op, linear, out T value)) return Faults.Raise(cpu, op);
        Width.WriteRegister<T>(cpu, op->Dst, TCondition.Holds(cpu) ? Width.ToUInt64(value) : Width.ReadRegister<T>(cpu, op->Dst));
        return op + 1;
    }
}
