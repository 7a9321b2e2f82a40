using System.Runtime.CompilerServices;
using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.Interpreter.Integer;

/// <summary>SHL, SHR, SAR, ROL, ROR, RCL, RCR, SHLD and SHRD.</summary>
internal static unsafe class Shifts
{
    // SAFETY: handlers follow the contract in README.md.

    /// <summary>All forms.</summary>
    public static void Register(OpTable table)
    {
        Family<Rol>(table, Code.Rol_rm8_imm8, Code.Rol_rm16_imm8, Code.Rol_rm8_1, Code.Rol_rm16_1, Code.Rol_rm8_CL, Code.Rol_rm16_CL);
        Family<Ror>(table, Code.Ror_rm8_imm8, Code.Ror_rm16_imm8, Code.Ror_rm8_1, Code.Ror_rm16_1, Code.Ror_rm8_CL, Code.Ror_rm16_CL);
        Family<Rcl>(table, Code.Rcl_rm8_imm8, Code.Rcl_rm16_imm8, Code.Rcl_rm8_1, Code.Rcl_rm16_1, Code.Rcl_rm8_CL, Code.Rcl_rm16_CL);
        Family<Rcr>(table, Code.Rcr_rm8_imm8, Code.Rcr_rm16_imm8, Code.Rcr_rm8_1, Code.Rcr_rm16_1, Code.Rcr_rm8_CL, Code.Rcr_rm16_CL);
        Family<Shl>(table, Code.Shl_rm8_imm8, Code.Shl_rm16_imm8, Code.Shl_rm8_1, Code.Shl_rm16_1, Code.Shl_rm8_CL, Code.Shl_rm16_CL);
        Family<Shr>(table, Code.Shr_rm8_imm8, Code.Shr_rm16_imm8, Code.Shr_rm8_1, Code.Shr_rm16_1, Code.Shr_rm8_CL, Code.Shr_rm16_CL);
        Family<Shl>(table, Code.Sal_rm8_imm8, Code.Sal_rm16_imm8, Code.Sal_rm8_1, Code.Sal_rm16_1, Code.Sal_rm8_CL, Code.Sal_rm16_CL);
        Family<Sar>(table, Code.Sar_rm8_imm8, Code.Sar_rm16_imm8, Code.Sar_rm8_1, Code.Sar_rm16_1, Code.Sar_rm8_CL, Code.Sar_rm16_CL);
        DoubleFamily<Shld>(table, Code.Shld_rm16_r16_imm8, Code.Shld_rm16_r16_CL);
        DoubleFamily<Shrd>(table, Code.Shrd_rm16_r16_imm8, Code.Shrd_rm16_r16_CL);
    }

    // Iced numbers the 16-, 32- and 64-bit forms of an instruction one after the other.
    private static void Family<TShift>(OpTable table, Code imm8, Code imm16, Code one8, Code one16, Code cl8, Code cl16)
        where TShift : IShift
    {
        AddWidths<TShift>(table, imm8, imm16);
        AddWidths<TShift>(table, one8, one16);
        AddWidths<TShift>(table, cl8, cl16);
    }

    private static void AddWidths<TShift>(OpTable table, Code rm8, Code rm16)
        where TShift : IShift
    {
        table.Add(rm8, &Bind<TShift, byte>);
        table.Add(rm16, &Bind<TShift, ushort>);
        table.Add(rm16 + 1, &Bind<TShift, uint>);
        table.Add(rm16 + 2, &Bind<TShift, ulong>);
    }

    private static void DoubleFamily<TShift>(OpTable table, Code imm8, Code cl)
        where TShift : IDoubleShift
    {
        foreach (Code first in (ReadOnlySpan<Code>)[imm8, cl])
        {
            table.Add(first, &BindDouble<TShift, ushort>);
            table.Add(first + 1, &BindDouble<TShift, uint>);
            table.Add(first + 2, &BindDouble<TShift, ulong>);
        }
    }

    /// <summary>A shift or rotation by a count that is already masked and not zero.</summary>
    private interface IShift
    {
        static abstract ulong Apply<T>(CpuState* cpu, ulong a, int count, out uint aux, out bool all)
            where T : unmanaged;
    }

    // "all": all flags follow the result; otherwise only CF and OF change.
    private readonly struct Shl : IShift
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static ulong Apply<T>(CpuState* cpu, ulong a, int count, out uint aux, out bool all)
            where T : unmanaged
        {
            all = true;
            ulong r = count < 64 ? a << count : 0;
            bool carry = count <= Width.Bits<T>() && ((a >> (Width.Bits<T>() - count)) & 1) != 0;
            aux = Flags.Aux(carry, carry != Width.IsNegative<T>(r));
            return r;
        }
    }

    private readonly struct Shr : IShift
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static ulong Apply<T>(CpuState* cpu, ulong a, int count, out uint aux, out bool all)
            where T : unmanaged
        {
            all = true;
            ulong r = a >> count;
            aux = Flags.Aux(((a >> (count - 1)) & 1) != 0, Width.IsNegative<T>(a));
            return r;
        }
    }

    private readonly struct Sar : IShift
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static ulong Apply<T>(CpuState* cpu, ulong a, int count, out uint aux, out bool all)
            where T : unmanaged
        {
            all = true;
            long s = (long)Width.SignExtend<T>(a);
            aux = Flags.Aux(((s >> (count - 1)) & 1) != 0, false);
            return (ulong)(s >> count);
        }
    }

    private readonly struct Rol : IShift
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static ulong Apply<T>(CpuState* cpu, ulong a, int count, out uint aux, out bool all)
            where T : unmanaged
        {
            all = false;
            int bits = Width.Bits<T>();
            int n = count & (bits - 1);
            ulong r = n == 0 ? a : Width.Truncate<T>((a << n) | (a >> (bits - n)));
            bool carry = (r & 1) != 0;
            aux = Flags.Aux(carry, carry != Width.IsNegative<T>(r));
            return r;
        }
    }

    private readonly struct Ror : IShift
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static ulong Apply<T>(CpuState* cpu, ulong a, int count, out uint aux, out bool all)
            where T : unmanaged
        {
            all = false;
            int bits = Width.Bits<T>();
            int n = count & (bits - 1);
            ulong r = n == 0 ? a : Width.Truncate<T>((a >> n) | (a << (bits - n)));
            bool carry = Width.IsNegative<T>(r);
            aux = Flags.Aux(carry, carry != Width.IsNegative<T>(r << 1));
            return r;
        }
    }

    private readonly struct Rcl : IShift
    {
        public static ulong Apply<T>(CpuState* cpu, ulong a, int count, out uint aux, out bool all)
            where T : unmanaged
        {
            all = false;
            int bits = Width.Bits<T>();
            bool carry = Flags.Carry(cpu);
            for (int n = count % (bits + 1); n > 0; n--)
            {
                bool next = Width.IsNegative<T>(a);
                a = Width.Truncate<T>((a << 1) | (carry ? 1UL : 0));
                carry = next;
            }

            aux = Flags.Aux(carry, carry != Width.IsNegative<T>(a));
            return a;
        }
    }

    private readonly struct Rcr : IShift
    {
        public static ulong Apply<T>(CpuState* cpu, ulong a, int count, out uint aux, out bool all)
            where T : unmanaged
        {
            all = false;
            int bits = Width.Bits<T>();
            bool carry = Flags.Carry(cpu);
            for (int n = count % (bits + 1); n > 0; n--)
            {
                bool next = (a & 1) != 0;
                a = (a >> 1) | (carry ? 1UL << (bits - 1) : 0);
                carry = next;
            }

            aux = Flags.Aux(carry, Width.IsNegative<T>(a) != Width.IsNegative<T>(a << 1));
            return a;
        }
    }

    private interface ICount
    {
        static abstract int Get<T>(CpuState* cpu, Op* op)
            where T : unmanaged;
    }

    private readonly struct ByImmediate : ICount
    {
        public static int Get<T>(CpuState* cpu, Op* op)
            where T : unmanaged => (int)op->Imm;
    }

    private readonly struct ByCl : ICount
    {
        public static int Get<T>(CpuState* cpu, Op* op)
            where T : unmanaged => (int)cpu->Gpr[1] & (sizeof(T) == 8 ? 63 : 31);
    }

    private static void Bind<TShift, T>(in Instruction instruction, in BindContext context, Op* op)
        where TShift : IShift
        where T : unmanaged
    {
        Operands.Destination(instruction, op);
        bool byCl = instruction.Op1Kind == OpKind.Register;
        op->Imm &= sizeof(T) == 8 ? 63u : 31u;
        if (Operands.IsMemory(instruction, 0)) op->Handler = byCl ? &Memory<TShift, T, ByCl> : &Memory<TShift, T, ByImmediate>;
        else op->Handler = byCl ? &Register<TShift, T, ByCl> : &Register<TShift, T, ByImmediate>;
    }

    private static Op* Register<TShift, T, TCount>(CpuState* cpu, Op* op)
        where TShift : IShift
        where T : unmanaged
        where TCount : ICount
    {
        int count = TCount.Get<T>(cpu, op);
        ulong a = Width.ReadRegister<T>(cpu, op->Dst);
        if (count != 0)
        {
            a = TShift.Apply<T>(cpu, a, count, out uint aux, out bool all);
            SetFlags<T>(cpu, a, aux, all);
        }

        // A 32-bit destination is zero-extended even when the count is zero.
        Width.WriteRegister<T>(cpu, op->Dst, a);
        return op + 1;
    }

    private static Op* Memory<TShift, T, TCount>(CpuState* cpu, Op* op)
        where TShift : IShift
        where T : unmanaged
        where TCount : ICount
    {
        int count = TCount.Get<T>(cpu, op);
        if (!AnyAddress.ForWrite(cpu, op, sizeof(T), out ulong linear) || !GuestAccess.ReadForWrite(cpu, op, linear, out T value)) return Faults.Raise(cpu, op);
        if (count == 0) return op + 1;
        ulong r = TShift.Apply<T>(cpu, Width.ToUInt64(value), count, out uint aux, out bool all);
        if (!GuestAccess.Write(cpu, op, linear, Width.From<T>(r))) return Faults.Raise(cpu, op);
        SetFlags<T>(cpu, r, aux, all);
        return op + 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void SetFlags<T>(CpuState* cpu, ulong r, uint aux, bool all)
        where T : unmanaged
    {
        if (all) Flags.Set<T>(cpu, r, aux);
        else cpu->FlagAux = (cpu->FlagAux & 0x3FFF_FFFF) | aux;
    }

    private interface IDoubleShift
    {
        static abstract bool IsLeft { get; }

        static abstract ulong Apply<T>(ulong a, ulong b, int count, out bool carry)
            where T : unmanaged;
    }

    private readonly struct Shld : IDoubleShift
    {
        public static bool IsLeft => true;

        public static ulong Apply<T>(ulong a, ulong b, int count, out bool carry)
            where T : unmanaged
        {
            int bits = Width.Bits<T>();
            if (count > bits)
            {
                // 16-bit operands with counts 17 to 31 where no host's processor can be asked: many rotate the destination in again.
                UInt128 wide = ((UInt128)a << (2 * bits)) | ((UInt128)b << bits) | a;
                wide <<= count;
                carry = ((wide >> (3 * bits)) & 1) != 0;
                return (ulong)(wide >> (2 * bits));
            }

            UInt128 pair = ((UInt128)a << bits) | b;
            carry = ((a >> (bits - count)) & 1) != 0;
            return (ulong)((pair << count) >> bits);
        }
    }

    private readonly struct Shrd : IDoubleShift
    {
        public static bool IsLeft => false;

        public static ulong Apply<T>(ulong a, ulong b, int count, out bool carry)
            where T : unmanaged
        {
            int bits = Width.Bits<T>();
            UInt128 pair = count > bits ? ((UInt128)a << (2 * bits)) | ((UInt128)b << bits) | a : ((UInt128)b << bits) | a;
            carry = ((pair >> (count - 1)) & 1) != 0;
            return (ulong)(pair >> count);
        }
    }

    /// <summary>The flags of a double shift: from the result and what was shifted out, or the host's.</summary>
    private readonly struct DoubleFlags(uint aux, ulong? host = null)
    {
        public void Set<T>(CpuState* cpu, ulong result)
            where T : unmanaged
        {
            if (host is { } flags) Flags.SetArithmetic(cpu, flags);
            else Flags.Set<T>(cpu, result, aux);
        }
    }

    private static ulong Double<TShift, T>(ulong a, ulong b, int count, out DoubleFlags flags)
        where TShift : IDoubleShift
        where T : unmanaged
    {
        if (sizeof(T) == sizeof(ushort) && count > Width.Bits<T>() && HostAnswers.AreKnown)
        {
            ushort answer = HostAnswers.DoubleShift(TShift.IsLeft, a, b, count, out ulong host);
            flags = new DoubleFlags(0, host);
            return answer;
        }

        ulong r = TShift.Apply<T>(a, b, count, out bool carry);
        flags = new DoubleFlags(Flags.Aux(carry, Width.IsNegative<T>(a ^ r)));
        return r;
    }

    private static void BindDouble<TShift, T>(in Instruction instruction, in BindContext context, Op* op)
        where TShift : IDoubleShift
        where T : unmanaged
    {
        Operands.Destination(instruction, op);
        Operands.Source(instruction, op);
        op->Imm &= sizeof(T) == 8 ? 63u : 31u;
        bool byCl = instruction.Op2Kind == OpKind.Register;
        if (Operands.IsMemory(instruction, 0)) op->Handler = byCl ? &DoubleMemory<TShift, T, ByCl> : &DoubleMemory<TShift, T, ByImmediate>;
        else op->Handler = byCl ? &DoubleRegister<TShift, T, ByCl> : &DoubleRegister<TShift, T, ByImmediate>;
    }

    private static Op* DoubleRegister<TShift, T, TCount>(CpuState* cpu, Op* op)
        where TShift : IDoubleShift
        where T : unmanaged
        where TCount : ICount
    {
        int count = TCount.Get<T>(cpu, op);
        ulong a = Width.ReadRegister<T>(cpu, op->Dst);
        if (count != 0)
        {
            ulong r = Double<TShift, T>(a, Width.ReadRegister<T>(cpu, op->Src), count, out DoubleFlags flags);
            flags.Set<T>(cpu, r);
            a = r;
        }

        Width.WriteRegister<T>(cpu, op->Dst, a);
        return op + 1;
    }

    private static Op* DoubleMemory<TShift, T, TCount>(CpuState* cpu, Op* op)
        where TShift : IDoubleShift
        where T : unmanaged
        where TCount : ICount
    {
        int count = TCount.Get<T>(cpu, op);
        if (!AnyAddress.ForWrite(cpu, op, sizeof(T), out ulong linear) || !GuestAccess.ReadForWrite(cpu, op, linear, out T value)) return Faults.Raise(cpu, op);
        if (count == 0) return op + 1;
        ulong a = Width.ToUInt64(value);
        ulong r = Double<TShift, T>(a, Width.ReadRegister<T>(cpu, op->Src), count, out DoubleFlags flags);
        if (!GuestAccess.Write(cpu, op, linear, Width.From<T>(r))) return Faults.Raise(cpu, op);
        flags.Set<T>(cpu, r);
        return op + 1;
    }
}
