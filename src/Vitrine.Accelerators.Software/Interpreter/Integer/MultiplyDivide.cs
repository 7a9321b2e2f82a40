using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.Exceptions;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter.Integer;

/// <summary>MUL, IMUL, DIV and IDIV.</summary>
internal static unsafe class MultiplyDivide
{
    // SAFETY: handlers follow the contract in README.md.

    /// <summary>All forms.</summary>
    public static void Register(OpTable table)
    {
        One(table, Code.Mul_rm8, Code.Mul_rm16, Code.Mul_rm32, Code.Mul_rm64, &BindOne<Mul, byte>, &BindOne<Mul, ushort>, &BindOne<Mul, uint>, &BindOne<Mul, ulong>);
        One(table, Code.Imul_rm8, Code.Imul_rm16, Code.Imul_rm32, Code.Imul_rm64, &BindOne<Imul, byte>, &BindOne<Imul, ushort>, &BindOne<Imul, uint>, &BindOne<Imul, ulong>);
        One(table, Code.Div_rm8, Code.Div_rm16, Code.Div_rm32, Code.Div_rm64, &BindOne<Div, byte>, &BindOne<Div, ushort>, &BindOne<Div, uint>, &BindOne<Div, ulong>);
        One(table, Code.Idiv_rm8, Code.Idiv_rm16, Code.Idiv_rm32, Code.Idiv_rm64, &BindOne<Idiv, byte>, &BindOne<Idiv, ushort>, &BindOne<Idiv, uint>, &BindOne<Idiv, ulong>);
        table.Add(Code.Imul_r16_rm16, &BindTwo<ushort>);
        table.Add(Code.Imul_r32_rm32, &BindTwo<uint>);
        table.Add(Code.Imul_r64_rm64, &BindTwo<ulong>);
        table.Add(Code.Imul_r16_rm16_imm16, &BindThree<ushort>);
        table.Add(Code.Imul_r32_rm32_imm32, &BindThree<uint>);
        table.Add(Code.Imul_r64_rm64_imm32, &BindThree<ulong>);
        table.Add(Code.Imul_r16_rm16_imm8, &BindThree<ushort>);
        table.Add(Code.Imul_r32_rm32_imm8, &BindThree<uint>);
        table.Add(Code.Imul_r64_rm64_imm8, &BindThree<ulong>);
    }

    private static void One(OpTable table, Code rm8, Code rm16, Code rm32, Code rm64, Binder b8, Binder b16, Binder b32, Binder b64)
    {
        table.Add(rm8, b8);
        table.Add(rm16, b16);
        table.Add(rm32, b32);
        table.Add(rm64, b64);
    }

    /// <summary>An instruction on the accumulator pair. Returns false for #DE, with nothing changed.</summary>
    private interface IAccumulatorOperation
    {
        static abstract bool Apply<T>(CpuState* cpu, ulong operand)
            where T : unmanaged;
    }

    private readonly struct Mul : IAccumulatorOperation
    {
        public static bool Apply<T>(CpuState* cpu, ulong operand)
            where T : unmanaged
        {
            ulong a = Width.ReadRegister<T>(cpu, CpuState.GprOffset(Gpr.Rax));
            ulong low;
            ulong high;
            if (sizeof(T) == 8)
            {
                high = Math.BigMul(a, operand, out low);
            }
            else
            {
                ulong product = a * operand;
                low = Width.Truncate<T>(product);
                high = product >> Width.Bits<T>();
            }

            WritePair<T>(cpu, low, high);
            Flags.Set<T>(cpu, low, Flags.Aux(high != 0, high != 0));
            return true;
        }
    }

    private readonly struct Imul : IAccumulatorOperation
    {
        public static bool Apply<T>(CpuState* cpu, ulong operand)
            where T : unmanaged
        {
            ulong low = SignedMultiply<T>(Width.ReadRegister<T>(cpu, CpuState.GprOffset(Gpr.Rax)), operand, out ulong high, out bool overflow);
            WritePair<T>(cpu, low, high);
            Flags.Set<T>(cpu, low, Flags.Aux(overflow, overflow));
            return true;
        }
    }

    private readonly struct Div : IAccumulatorOperation
    {
        public static bool Apply<T>(CpuState* cpu, ulong divisor)
            where T : unmanaged
        {
            if (divisor == 0) return false;
            ReadPair<T>(cpu, out ulong low, out ulong high);
            if (high >= divisor) return false;
            ulong quotient;
            ulong remainder;
            if (sizeof(T) == 8)
            {
                if (high == 0)
                {
                    quotient = low / divisor;
                    remainder = low - (quotient * divisor);
                }
                else
                {
                    UInt128 dividend = new(high, low);
                    UInt128 wide = dividend / divisor;
                    quotient = (ulong)wide;
                    remainder = (ulong)(dividend - (wide * divisor));
                }
            }
            else
            {
                ulong dividend = (high << Width.Bits<T>()) | low;
                quotient = dividend / divisor;
                remainder = dividend - (quotient * divisor);
            }

            WritePair<T>(cpu, quotient, remainder);
            return true;
        }
    }

    private readonly struct Idiv : IAccumulatorOperation
    {
        public static bool Apply<T>(CpuState* cpu, ulong operand)
            where T : unmanaged
        {
            long divisor = (long)Width.SignExtend<T>(operand);
            if (divisor == 0) return false;
            ReadPair<T>(cpu, out ulong low, out ulong high);
            Int128 dividend = sizeof(T) == 8
                ? new Int128(high, low)
                : (long)((high << Width.Bits<T>()) | low) << (64 - (2 * Width.Bits<T>())) >> (64 - (2 * Width.Bits<T>()));
            // Magnitudes: Int128 division of the most negative value by -1 would not be representable.
            bool negative = (dividend < 0) != (divisor < 0);
            UInt128 magnitude = (UInt128)(dividend < 0 ? -dividend : dividend);
            ulong by = (ulong)(divisor < 0 ? -divisor : divisor);
            UInt128 quotient = magnitude >> 64 == 0 ? (ulong)magnitude / by : magnitude / by;
            UInt128 limit = (UInt128)1 << (Width.Bits<T>() - 1);
            if (negative ? quotient > limit : quotient >= limit) return false;
            ulong remainder = (ulong)(magnitude - (quotient * by));
            ulong q = (ulong)quotient;
            WritePair<T>(cpu, negative ? 0 - q : q, dividend < 0 ? 0 - remainder : remainder);
            return true;
        }
    }

    private static ulong SignedMultiply<T>(ulong a, ulong b, out ulong high, out bool overflow)
        where T : unmanaged
    {
        if (sizeof(T) == 8)
        {
            high = (ulong)Math.BigMul((long)a, (long)b, out long low);
            overflow = (long)high != low >> 63;
            return (ulong)low;
        }

        long product = (long)Width.SignExtend<T>(a) * (long)Width.SignExtend<T>(b);
        high = (ulong)(product >> Width.Bits<T>());
        overflow = product != (long)Width.SignExtend<T>((ulong)product);
        return (ulong)product;
    }

    // AX holds both halves for bytes; otherwise the high half is in DX, EDX or RDX.
    private static void ReadPair<T>(CpuState* cpu, out ulong low, out ulong high)
        where T : unmanaged
    {
        low = Width.ReadRegister<T>(cpu, CpuState.GprOffset(Gpr.Rax));
        high = Width.ReadRegister<T>(cpu, sizeof(T) == 1 ? (ushort)(CpuState.GprOffset(Gpr.Rax) + 1) : CpuState.GprOffset(Gpr.Rdx));
    }

    private static void WritePair<T>(CpuState* cpu, ulong low, ulong high)
        where T : unmanaged
    {
        Width.WriteRegister<T>(cpu, CpuState.GprOffset(Gpr.Rax), low);
        Width.WriteRegister<T>(cpu, sizeof(T) == 1 ? (ushort)(CpuState.GprOffset(Gpr.Rax) + 1) : CpuState.GprOffset(Gpr.Rdx), high);
    }

    private static void BindOne<TOperation, T>(in Instruction instruction, in BindContext context, Op* op)
        where TOperation : IAccumulatorOperation
        where T : unmanaged
    {
        Operands.Destination(instruction, op);
        op->Handler = Operands.IsMemory(instruction, 0) ? &OneMemory<TOperation, T> : &OneRegister<TOperation, T>;
    }

    private static Op* OneRegister<TOperation, T>(CpuState* cpu, Op* op)
        where TOperation : IAccumulatorOperation
        where T : unmanaged =>
        TOperation.Apply<T>(cpu, Width.ReadRegister<T>(cpu, op->Dst)) ? op + 1 : Faults.Raise(cpu, op, ExceptionVector.DE);

    private static Op* OneMemory<TOperation, T>(CpuState* cpu, Op* op)
        where TOperation : IAccumulatorOperation
        where T : unmanaged
    {
        if (!AnyAddress.ForRead(cpu, op, sizeof(T), out ulong linear) || !GuestAccess.Read(cpu, op, linear, out T value)) return Faults.Raise(cpu, op);
        return TOperation.Apply<T>(cpu, Width.ToUInt64(value)) ? op + 1 : Faults.Raise(cpu, op, ExceptionVector.DE);
    }

    private static void BindTwo<T>(in Instruction instruction, in BindContext context, Op* op)
        where T : unmanaged
    {
        Operands.Destination(instruction, op);
        Operands.Source(instruction, op);
        if (Operands.IsMemory(instruction, 1)) op->Handler = &TwoMemory<T>;
        else op->Handler = context.FlagsDead ? &TwoRegister<T, DeadFlags> : &TwoRegister<T, LiveFlags>;
    }

    private static void BindThree<T>(in Instruction instruction, in BindContext context, Op* op)
        where T : unmanaged
    {
        Operands.Destination(instruction, op);
        Operands.Source(instruction, op);
        if (Operands.IsMemory(instruction, 1)) op->Handler = &ThreeMemory<T>;
        else op->Handler = context.FlagsDead ? &ThreeRegister<T, DeadFlags> : &ThreeRegister<T, LiveFlags>;
    }

    private static Op* TwoRegister<T, TFlags>(CpuState* cpu, Op* op)
        where T : unmanaged
        where TFlags : IFlagUse => Product<T, TFlags>(cpu, op, Width.ReadRegister<T>(cpu, op->Dst), Width.ReadRegister<T>(cpu, op->Src));

    private static Op* TwoMemory<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        if (!AnyAddress.ForRead(cpu, op, sizeof(T), out ulong linear) || !GuestAccess.Read(cpu, op, linear, out T value)) return Faults.Raise(cpu, op);
        return Product<T, LiveFlags>(cpu, op, Width.ReadRegister<T>(cpu, op->Dst), Width.ToUInt64(value));
    }

    private static Op* ThreeRegister<T, TFlags>(CpuState* cpu, Op* op)
        where T : unmanaged
        where TFlags : IFlagUse => Product<T, TFlags>(cpu, op, Width.ReadRegister<T>(cpu, op->Src), op->Imm);

    private static Op* ThreeMemory<T>(CpuState* cpu, Op* op)
        where T : unmanaged
    {
        if (!AnyAddress.ForRead(cpu, op, sizeof(T), out ulong linear) || !GuestAccess.Read(cpu, op, linear, out T value)) return Faults.Raise(cpu, op);
        return Product<T, LiveFlags>(cpu, op, Width.ToUInt64(value), op->Imm);
    }

    private static Op* Product<T, TFlags>(CpuState* cpu, Op* op, ulong a, ulong b)
        where T : unmanaged
        where TFlags : IFlagUse
    {
        if (!TFlags.Live)
        {
            // Without the flags the high half isn't needed, and the low half is the same for signed and unsigned.
            Width.WriteRegister<T>(cpu, op->Dst, a * b);
            return op + 1;
        }

        ulong r = SignedMultiply<T>(a, b, out _, out bool overflow);
        Flags.Set<T>(cpu, r, Flags.Aux(overflow, overflow));
        Width.WriteRegister<T>(cpu, op->Dst, r);
        return op + 1;
    }
}
