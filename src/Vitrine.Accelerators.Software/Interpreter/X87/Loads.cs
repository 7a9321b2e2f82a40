using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.FloatingPoint;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.Interpreter.X87;

/// <summary>What pushes one value: FLD, FILD, FBLD and the constants.</summary>
internal static unsafe class Loads
{
    // SAFETY: handlers follow the contract in README.md.

    /// <summary>All forms.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Fld_m32fp, &BindFloat<SingleFormat, uint>);
        table.Add(Code.Fld_m64fp, &BindFloat<DoubleFormat, ulong>);
        table.Add(Code.Fld_m80fp, &BindExtended);
        table.Add(Code.Fild_m16int, &BindInteger<ushort>);
        table.Add(Code.Fild_m32int, &BindInteger<uint>);
        table.Add(Code.Fild_m64int, &BindInteger<ulong>);
        table.Add(Code.Fbld_m80bcd, &BindDecimal);
        table.Add(Code.Fld_sti, &BindRegister);
        table.Add(Code.Fldz, &BindConstant<Zero>);
        table.Add(Code.Fld1, &BindConstant<One>);
        table.Add(Code.Fldl2t, &BindConstant<Log2Of10>);
        table.Add(Code.Fldl2e, &BindConstant<Log2OfE>);
        table.Add(Code.Fldpi, &BindConstant<Pi>);
        table.Add(Code.Fldlg2, &BindConstant<Log10Of2>);
        table.Add(Code.Fldln2, &BindConstant<LnOf2>);
    }

    /// <summary>A constant of which the processor holds more than 64 bits and rounds them as RC says.</summary>
    private interface IConstant
    {
        /// <summary>The value rounded down.</summary>
        static abstract Float80 Truncated { get; }

        /// <summary>To nearest, the truncated value is one unit too low.</summary>
        static abstract bool IsNearerToNext { get; }

        /// <summary>There is nothing to round.</summary>
        static abstract bool IsExact { get; }
    }

    private readonly struct Zero : IConstant
    {
        public static Float80 Truncated => Float80.Zero;

        public static bool IsNearerToNext => false;

        public static bool IsExact => true;
    }

    private readonly struct One : IConstant
    {
        public static Float80 Truncated => Float80.One;

        public static bool IsNearerToNext => false;

        public static bool IsExact => true;
    }

    private readonly struct Log2Of10 : IConstant
    {
        public static Float80 Truncated => new(0xD49A_784B_CD1B_8AFE, 0x4000);

        public static bool IsNearerToNext => false;

        public static bool IsExact => false;
    }

    private readonly struct Log2OfE : IConstant
    {
        public static Float80 Truncated => new(0xB8AA_3B29_5C17_F0BB, 0x3FFF);

        public static bool IsNearerToNext => true;

        public static bool IsExact => false;
    }

    private readonly struct Pi : IConstant
    {
        public static Float80 Truncated => new(0xC90F_DAA2_2168_C234, 0x4000);

        public static bool IsNearerToNext => true;

        public static bool IsExact => false;
    }

    private readonly struct Log10Of2 : IConstant
    {
        public static Float80 Truncated => new(0x9A20_9A84_FBCF_F798, 0x3FFD);

        public static bool IsNearerToNext => true;

        public static bool IsExact => false;
    }

    private readonly struct LnOf2 : IConstant
    {
        public static Float80 Truncated => new(0xB172_17F7_D1CF_79AB, 0x3FFE);

        public static bool IsNearerToNext => true;

        public static bool IsExact => false;
    }

    private static void BindFloat<TFormat, TBits>(in Instruction instruction, in BindContext context, Op* op)
        where TFormat : struct, ISseFormat
        where TBits : unmanaged => X87Form.Bind(instruction, context, op, &Float<TFormat, TBits>);

    private static void BindExtended(in Instruction instruction, in BindContext context, Op* op) =>
        X87Form.Bind(instruction, context, op, &Extended);

    private static void BindInteger<TBits>(in Instruction instruction, in BindContext context, Op* op)
        where TBits : unmanaged => X87Form.Bind(instruction, context, op, &Integer<TBits>);

    private static void BindDecimal(in Instruction instruction, in BindContext context, Op* op) =>
        X87Form.Bind(instruction, context, op, &Decimal);

    private static void BindRegister(in Instruction instruction, in BindContext context, Op* op) =>
        X87Form.Bind(instruction, context, op, &FromRegister);

    private static void BindConstant<TConstant>(in Instruction instruction, in BindContext context, Op* op)
        where TConstant : struct, IConstant => X87Form.Bind(instruction, context, op, &Constant<TConstant>);

    private static Op* Float<TFormat, TBits>(CpuState* cpu, Op* op)
        where TFormat : struct, ISseFormat
        where TBits : unmanaged
    {
        if (!X87Status.Ready(cpu) || !FloatSource<TFormat, TBits>.ReadBits(cpu, op, out ulong bits)) return Faults.Raise(cpu, op);
        FpEnvironment environment = X87Status.Environment(cpu);
        Float80 value = X87Conversion.FromBinary<TFormat>(bits, ref environment);
        return Push(cpu, op, value, ref environment);
    }

    private static Op* Extended(CpuState* cpu, Op* op)
    {
        if (!X87Status.Ready(cpu) || !ReadTenBytes(cpu, op, out ulong low, out ushort high)) return Faults.Raise(cpu, op);
        FpEnvironment environment = X87Status.Environment(cpu);
        return Push(cpu, op, new(low, high), ref environment);
    }

    private static Op* Integer<TBits>(CpuState* cpu, Op* op)
        where TBits : unmanaged
    {
        if (!X87Status.Ready(cpu) || !IntegerSource<TBits>.Read(cpu, op, out Unpacked value)) return Faults.Raise(cpu, op);
        FpEnvironment environment = X87Status.Environment(cpu);
        return Push(cpu, op, X87Operands.PackExact(value), ref environment);
    }

    private static Op* Decimal(CpuState* cpu, Op* op)
    {
        if (!X87Status.Ready(cpu) || !ReadTenBytes(cpu, op, out ulong low, out ushort high)) return Faults.Raise(cpu, op);
        FpEnvironment environment = X87Status.Environment(cpu);
        return Push(cpu, op, X87Decimal.Load(low, high), ref environment);
    }

    private static Op* FromRegister(CpuState* cpu, Op* op)
    {
        if (!X87Status.Ready(cpu)) return Faults.Raise(cpu, op);
        FpEnvironment environment = X87Status.Environment(cpu);
        Float80 value = X87Stack.Read(cpu, X87Form.Register(op));
        if (X87Stack.IsEmpty(cpu, X87Form.Register(op)))
        {
            environment.Flags = X87Status.Underflow;
            value = Float80.Indefinite;
        }

        return Push(cpu, op, value, ref environment);
    }

    private static Op* Constant<TConstant>(CpuState* cpu, Op* op)
        where TConstant : struct, IConstant
    {
        if (!X87Status.Ready(cpu)) return Faults.Raise(cpu, op);
        FpEnvironment environment = X87Status.Environment(cpu);
        Float80 value = TConstant.Truncated;
        bool up = environment.Rounding switch
        {
            RoundingMode.Nearest => TConstant.IsNearerToNext,
            RoundingMode.Up => !TConstant.IsExact,
            _ => false,
        };
        if (up) value = value with { Significand = value.Significand + 1 };
        return Push(cpu, op, value, ref environment);
    }

    private static Op* Push(CpuState* cpu, Op* op, Float80 value, ref FpEnvironment environment)
    {
        X87Status.Track(cpu, op);
        bool isUnderflow = (environment.Flags & X87Status.StackFault) != 0;
        if (X87Stack.IsFull(cpu) && !isUnderflow)
        {
            // Before all others (SDM vol. 1, 4.9.2): what the operand itself would have raised stays unsaid.
            environment.Flags = X87Status.Overflow;
            value = Float80.Indefinite;
        }

        if (!environment.HasNoResult) X87Stack.Push(cpu, value);
        X87Status.Merge(cpu, environment.Flags);
        return op + 1;
    }

    private static bool ReadTenBytes(CpuState* cpu, Op* op, out ulong low, out ushort high)
    {
        const int size = 10;
        byte* bytes = stackalloc byte[size];
        bool ok = AnyAddress.ForRead(cpu, op, size, out ulong linear) && GuestAccess.ReadBytes(cpu, op, linear, bytes, size);
        low = *(ulong*)bytes;
        high = *(ushort*)(bytes + 8);
        return ok;
    }
}
