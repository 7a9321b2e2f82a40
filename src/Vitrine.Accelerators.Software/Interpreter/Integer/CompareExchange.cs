using System.Runtime.CompilerServices;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter.Integer;

/// <summary>CMPXCHG, CMPXCHG8B, CMPXCHG16B and XADD, with and without LOCK.</summary>
internal static unsafe class CompareExchange
{
    // SAFETY: handlers follow the contract in README.md.

    /// <summary>All forms.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Cmpxchg_rm8_r8, &BindExchange<byte>);
        table.Add(Code.Cmpxchg_rm16_r16, &BindExchange<ushort>);
        table.Add(Code.Cmpxchg_rm32_r32, &BindExchange<uint>);
        table.Add(Code.Cmpxchg_rm64_r64, &BindExchange<ulong>);
        table.Add(Code.Xadd_rm8_r8, &BindAdd<byte>);
        table.Add(Code.Xadd_rm16_r16, &BindAdd<ushort>);
        table.Add(Code.Xadd_rm32_r32, &BindAdd<uint>);
        table.Add(Code.Xadd_rm64_r64, &BindAdd<ulong>);
        table.Add(Code.Cmpxchg8b_m64, &Bind8);
        table.Add(Code.Cmpxchg16b_m128, &Bind16);
    }

    private static void BindExchange<T>(in Instruction instruction, in BindContext context, Op* op)
        where T : unmanaged
    {
        Operands.Destination(instruction, op);
        Operands.Source(instruction, op);
        op->Handler = !Operands.IsMemory(instruction, 0) ? &ExchangeRegister<T> : instruction.HasLockPrefix ? &ExchangeLocked<T> : &ExchangeMemory<T>;
    }

    private static Op* ExchangeRegister<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        ulong a = Width.ReadRegister<T>(cpu, CpuState.GprOffset(Gpr.Rax));
        ulong d = Width.ReadRegister<T>(cpu, op->Dst);
        ulong r = Cmp.Apply<T>(cpu, a, d, out uint aux);
        Flags.Set<T>(cpu, r, aux);
        if (a == d)
        {
            Width.WriteRegister<T>(cpu, op->Dst, Width.ReadRegister<T>(cpu, op->Src));
        }
        else
        {
            // Unlike memory, a register that differs isn't written: not even its upper half is cleared.
            Width.WriteRegister<T>(cpu, CpuState.GprOffset(Gpr.Rax), d);
        }

        return op + 1;
    }

    private static Op* ExchangeMemory<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        if (!AnyAddress.ForWrite(cpu, op, sizeof(T), out ulong linear) || !GuestAccess.ReadForWrite(cpu, op, linear, out T value)) return Faults.Raise(cpu, op);
        ulong a = Width.ReadRegister<T>(cpu, CpuState.GprOffset(Gpr.Rax));
        ulong d = Width.ToUInt64(value);
        T stored = a == d ? Width.From<T>(Width.ReadRegister<T>(cpu, op->Src)) : value;
        if (!GuestAccess.Write(cpu, op, linear, stored)) return Faults.Raise(cpu, op);
        ulong r = Cmp.Apply<T>(cpu, a, d, out uint aux);
        Flags.Set<T>(cpu, r, aux);
        if (a != d) Width.WriteRegister<T>(cpu, CpuState.GprOffset(Gpr.Rax), d);
        return op + 1;
    }

    private static Op* ExchangeLocked<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        LockedOperand operand;
        if (!AnyAddress.ForWrite(cpu, op, sizeof(T), out ulong linear) || !LockedAccess.Begin<T>(cpu, op, linear, &operand)) return Faults.Raise(cpu, op);
        ulong a = Width.ReadRegister<T>(cpu, CpuState.GprOffset(Gpr.Rax));
        T seen = Width.From<T>(a);
        bool equal = LockedAccess.TryReplace(&operand, ref seen, Width.ReadRegister<T>(cpu, op->Src));
        if (!LockedAccess.End<T>(cpu, op, &operand)) return Faults.Raise(cpu, op);
        ulong r = Cmp.Apply<T>(cpu, a, Width.ToUInt64(seen), out uint aux);
        Flags.Set<T>(cpu, r, aux);
        if (!equal) Width.WriteRegister<T>(cpu, CpuState.GprOffset(Gpr.Rax), Width.ToUInt64(seen));
        return op + 1;
    }

    private static void BindAdd<T>(in Instruction instruction, in BindContext context, Op* op)
        where T : unmanaged
    {
        Operands.Destination(instruction, op);
        Operands.Source(instruction, op);
        op->Handler = !Operands.IsMemory(instruction, 0) ? &AddRegister<T> : instruction.HasLockPrefix ? &AddLocked<T> : &AddMemory<T>;
    }

    private static Op* AddRegister<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        ulong a = Width.ReadRegister<T>(cpu, op->Dst);
        ulong r = Add.Apply<T>(cpu, a, Width.ReadRegister<T>(cpu, op->Src), out uint aux);
        Flags.Set<T>(cpu, r, aux);
        Width.WriteRegister<T>(cpu, op->Src, a);
        Width.WriteRegister<T>(cpu, op->Dst, r);
        return op + 1;
    }

    private static Op* AddMemory<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        if (!AnyAddress.ForWrite(cpu, op, sizeof(T), out ulong linear) || !GuestAccess.ReadForWrite(cpu, op, linear, out T value)) return Faults.Raise(cpu, op);
        ulong a = Width.ToUInt64(value);
        ulong r = Add.Apply<T>(cpu, a, Width.ReadRegister<T>(cpu, op->Src), out uint aux);
        if (!GuestAccess.Write(cpu, op, linear, Width.From<T>(r))) return Faults.Raise(cpu, op);
        Flags.Set<T>(cpu, r, aux);
        Width.WriteRegister<T>(cpu, op->Src, a);
        return op + 1;
    }

    private static Op* AddLocked<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        LockedOperand operand;
        if (!AnyAddress.ForWrite(cpu, op, sizeof(T), out ulong linear) || !LockedAccess.Begin<T>(cpu, op, linear, &operand)) return Faults.Raise(cpu, op);
        T value = LockedAccess.Read<T>(&operand);
        ulong b = Width.ReadRegister<T>(cpu, op->Src);
        ulong r;
        uint aux;
        do r = Add.Apply<T>(cpu, Width.ToUInt64(value), b, out aux);
        while (!LockedAccess.TryReplace(&operand, ref value, r));
        if (!LockedAccess.End<T>(cpu, op, &operand)) return Faults.Raise(cpu, op);
        Flags.Set<T>(cpu, r, aux);
        Width.WriteRegister<T>(cpu, op->Src, Width.ToUInt64(value));
        return op + 1;
    }

    private static void Bind8(in Instruction instruction, in BindContext context, Op* op) =>
        op->Handler = instruction.HasLockPrefix ? &Exchange8Locked : &Exchange8;

    private static void Bind16(in Instruction instruction, in BindContext context, Op* op) =>
        op->Handler = instruction.HasLockPrefix ? &Exchange16Locked : &Exchange16;

    private static Op* Exchange8(CpuState* cpu, Op* op)
    {
        if (!AnyAddress.ForWrite(cpu, op, 8, out ulong linear) || !GuestAccess.ReadForWrite(cpu, op, linear, out ulong value)) return Faults.Raise(cpu, op);
        ulong expected = (cpu->Gpr[2] << 32) | (uint)cpu->Gpr[0];
        bool equal = value == expected;
        ulong stored = equal ? (cpu->Gpr[1] << 32) | (uint)cpu->Gpr[3] : value;
        if (!GuestAccess.Write(cpu, op, linear, stored)) return Faults.Raise(cpu, op);
        SetZero(cpu, equal);
        if (!equal)
        {
            cpu->Gpr[0] = (uint)value;
            cpu->Gpr[2] = value >> 32;
        }

        return op + 1;
    }

    private static Op* Exchange16(CpuState* cpu, Op* op)
    {
        if (!AnyAddress.ForWrite(cpu, op, 16, out ulong linear)) return Faults.Raise(cpu, op);
        if ((linear & 15) != 0) return Faults.GeneralProtection(cpu, op);
        if (!GuestAccess.ReadForWrite(cpu, op, linear, out UInt128 value)) return Faults.Raise(cpu, op);
        bool equal = value == new UInt128(cpu->Gpr[2], cpu->Gpr[0]);
        UInt128 stored = equal ? new UInt128(cpu->Gpr[1], cpu->Gpr[3]) : value;
        if (!GuestAccess.Write(cpu, op, linear, stored)) return Faults.Raise(cpu, op);
        SetZero(cpu, equal);
        if (!equal)
        {
            cpu->Gpr[0] = (ulong)value;
            cpu->Gpr[2] = (ulong)(value >> 64);
        }

        return op + 1;
    }

    private static Op* Exchange8Locked(CpuState* cpu, Op* op)
    {
        LockedOperand operand;
        if (!AnyAddress.ForWrite(cpu, op, 8, out ulong linear) || !LockedAccess.Begin<ulong>(cpu, op, linear, &operand)) return Faults.Raise(cpu, op);
        ulong seen = (cpu->Gpr[2] << 32) | (uint)cpu->Gpr[0];
        bool equal = LockedAccess.TryReplace(&operand, ref seen, (cpu->Gpr[1] << 32) | (uint)cpu->Gpr[3]);
        if (!LockedAccess.End<ulong>(cpu, op, &operand)) return Faults.Raise(cpu, op);
        SetZero(cpu, equal);
        if (!equal)
        {
            cpu->Gpr[0] = (uint)seen;
            cpu->Gpr[2] = seen >> 32;
        }

        return op + 1;
    }

    private static Op* Exchange16Locked(CpuState* cpu, Op* op)
    {
        LockedOperand operand;
        if (!AnyAddress.ForWrite(cpu, op, 16, out ulong linear)) return Faults.Raise(cpu, op);
        if ((linear & 15) != 0) return Faults.GeneralProtection(cpu, op);
        bool interlocked = WideExchange.IsSupported;
        if (!interlocked && !SoftMmu.Of(cpu).IsAlone)
        {
            SoftMmu.WishToBeAlone(cpu);
            return Faults.Raise(cpu, op);
        }

        if (!LockedAccess.Begin<UInt128>(cpu, op, linear, &operand)) return Faults.Raise(cpu, op);
        UInt128 expected = new(cpu->Gpr[2], cpu->Gpr[0]);
        UInt128 replacement = new(cpu->Gpr[1], cpu->Gpr[3]);
        UInt128 seen = expected;
        bool equal;
        if (interlocked && operand.Place != LockedPlace.Copy)
        {
            equal = WideExchange.TryReplace((UInt128*)operand.Pointer, ref seen, replacement);
        }
        else
        {
            seen = LockedAccess.Read<UInt128>(&operand);
            equal = seen == expected;
            if (equal) Unsafe.WriteUnaligned(operand.Pointer, replacement);
        }

        if (!LockedAccess.End<UInt128>(cpu, op, &operand)) return Faults.Raise(cpu, op);
        SetZero(cpu, equal);
        if (!equal)
        {
            cpu->Gpr[0] = (ulong)seen;
            cpu->Gpr[2] = (ulong)(seen >> 64);
        }

        return op + 1;
    }

    private static void SetZero(CpuState* cpu, bool zero)
    {
        ulong flags = Flags.GetArithmetic(cpu) & ~Flags.Zf;
        Flags.SetArithmetic(cpu, zero ? flags | Flags.Zf : flags);
    }
}
