using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.FloatingPoint;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.Interpreter.X87;

/// <summary>FST, FSTP, FIST, FISTP, FISTTP and FBSTP, to memory and to registers.</summary>
internal static unsafe class Stores
{
    // SAFETY: handlers follow the contract in README.md.

    /// <summary>All forms.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Fst_m32fp, &Bind<Float<SingleFormat>, uint>);
        table.Add(Code.Fstp_m32fp, &BindPop<Float<SingleFormat>, uint>);
        table.Add(Code.Fst_m64fp, &Bind<Float<DoubleFormat>, ulong>);
        table.Add(Code.Fstp_m64fp, &BindPop<Float<DoubleFormat>, ulong>);
        table.Add(Code.Fist_m16int, &Bind<Integer<ushort>, ushort>);
        table.Add(Code.Fistp_m16int, &BindPop<Integer<ushort>, ushort>);
        table.Add(Code.Fist_m32int, &Bind<Integer<uint>, uint>);
        table.Add(Code.Fistp_m32int, &BindPop<Integer<uint>, uint>);
        table.Add(Code.Fistp_m64int, &BindPop<Integer<ulong>, ulong>);
        table.Add(Code.Fisttp_m16int, &BindPop<Truncated<ushort>, ushort>);
        table.Add(Code.Fisttp_m32int, &BindPop<Truncated<uint>, uint>);
        table.Add(Code.Fisttp_m64int, &BindPop<Truncated<ulong>, ulong>);
        table.Add(Code.Fstp_m80fp, &BindTenBytes<Extended>);
        table.Add(Code.Fbstp_m80bcd, &BindTenBytes<Decimal>);
        table.Add(Code.Fst_sti, &BindRegister);
        table.Add(Code.Fstp_sti, &BindRegisterPop);
        table.Add(Code.Fstpnce_sti, &BindRegisterPop);
        table.Add(Code.Fstp_sti_DFD0, &BindRegisterPop);
        table.Add(Code.Fstp_sti_DFD8, &BindRegisterPop);
    }

    /// <summary>A format of up to eight bytes.</summary>
    private interface IFormat
    {
        static abstract ulong Convert(Float80 value, ref FpEnvironment environment);

        static abstract ulong Indefinite { get; }
    }

    /// <summary>A format of ten bytes.</summary>
    private interface ITenByteFormat
    {
        static abstract ulong Convert(Float80 value, ref FpEnvironment environment, out ushort high);

        static abstract ulong Indefinite(out ushort high);
    }

    private readonly struct Float<TFormat> : IFormat
        where TFormat : struct, ISseFormat
    {
        public static ulong Indefinite => TFormat.Indefinite;

        public static ulong Convert(Float80 value, ref FpEnvironment environment) =>
            X87Conversion.ToBinary<TFormat>(value, ref environment);
    }

    private readonly struct Integer<TBits> : IFormat
        where TBits : unmanaged
    {
        public static ulong Indefinite => 1UL << (Width.Bits<TBits>() - 1);

        public static ulong Convert(Float80 value, ref FpEnvironment environment) =>
            (ulong)X87Conversion.ToInteger(value, environment.Rounding, Width.Bits<TBits>(), ref environment);
    }

    private readonly struct Truncated<TBits> : IFormat
        where TBits : unmanaged
    {
        public static ulong Indefinite => 1UL << (Width.Bits<TBits>() - 1);

        public static ulong Convert(Float80 value, ref FpEnvironment environment) =>
            (ulong)X87Conversion.ToInteger(value, RoundingMode.Zero, Width.Bits<TBits>(), ref environment);
    }

    private readonly struct Extended : ITenByteFormat
    {
        public static ulong Indefinite(out ushort high) => Store(Float80.Indefinite, out high);

        public static ulong Convert(Float80 value, ref FpEnvironment environment, out ushort high) => Store(value, out high);

        private static ulong Store(Float80 value, out ushort high)
        {
            high = value.SignExponent;
            return value.Significand;
        }
    }

    private readonly struct Decimal : ITenByteFormat
    {
        public static ulong Indefinite(out ushort high)
        {
            FpEnvironment masked = FpEnvironment.FromControlWord(FpFlags.All);
            return X87Decimal.Store(Float80.Indefinite, ref masked, out high);
        }

        public static ulong Convert(Float80 value, ref FpEnvironment environment, out ushort high) =>
            X87Decimal.Store(value, ref environment, out high);
    }

    private static void Bind<TFormat, TBits>(in Instruction instruction, in BindContext context, Op* op)
        where TFormat : struct, IFormat
        where TBits : unmanaged => X87Form.Bind(instruction, context, op, &Store<TFormat, TBits>);

    private static void BindPop<TFormat, TBits>(in Instruction instruction, in BindContext context, Op* op)
        where TFormat : struct, IFormat
        where TBits : unmanaged => X87Form.Bind(instruction, context, op, &Store<TFormat, TBits>, X87Form.Pop);

    private static void BindTenBytes<TFormat>(in Instruction instruction, in BindContext context, Op* op)
        where TFormat : struct, ITenByteFormat => X87Form.Bind(instruction, context, op, &StoreTenBytes<TFormat>, X87Form.Pop);

    private static void BindRegister(in Instruction instruction, in BindContext context, Op* op) =>
        X87Form.Bind(instruction, context, op, &ToRegister);

    private static void BindRegisterPop(in Instruction instruction, in BindContext context, Op* op) =>
        X87Form.Bind(instruction, context, op, &ToRegister, X87Form.Pop);

    private static Op* Store<TFormat, TBits>(CpuState* cpu, Op* op)
        where TFormat : struct, IFormat
        where TBits : unmanaged
    {
        if (!X87Status.Ready(cpu)) return Faults.Raise(cpu, op);
        FpEnvironment environment = X87Status.Environment(cpu);
        ulong bits = TFormat.Indefinite;
        if (X87Stack.IsEmpty(cpu, 0)) environment.Flags = X87Status.Underflow;
        else bits = TFormat.Convert(X87Stack.Read(cpu, 0), ref environment);
        bool stores = IsStored(environment);
        if (stores)
        {
            if (!AnyAddress.ForWrite(cpu, op, sizeof(TBits), out ulong linear)
                || !GuestAccess.Write(cpu, op, linear, Width.From<TBits>(bits)))
                return Faults.Raise(cpu, op);
        }

        return Complete(cpu, op, environment, stores);
    }

    private static Op* StoreTenBytes<TFormat>(CpuState* cpu, Op* op)
        where TFormat : struct, ITenByteFormat
    {
        const int size = 10;
        if (!X87Status.Ready(cpu)) return Faults.Raise(cpu, op);
        FpEnvironment environment = X87Status.Environment(cpu);
        ulong low;
        ushort high;
        if (X87Stack.IsEmpty(cpu, 0))
        {
            environment.Flags = X87Status.Underflow;
            low = TFormat.Indefinite(out high);
        }
        else
        {
            low = TFormat.Convert(X87Stack.Read(cpu, 0), ref environment, out high);
        }

        bool stores = IsStored(environment);
        if (stores)
        {
            byte* bytes = stackalloc byte[size];
            *(ulong*)bytes = low;
            *(ushort*)(bytes + 8) = high;
            if (!AnyAddress.ForWrite(cpu, op, size, out ulong linear) || !GuestAccess.WriteBytes(cpu, op, linear, bytes, size))
                return Faults.Raise(cpu, op);
        }

        return Complete(cpu, op, environment, stores);
    }

    private static Op* ToRegister(CpuState* cpu, Op* op)
    {
        if (!X87Status.Ready(cpu)) return Faults.Raise(cpu, op);
        FpEnvironment environment = X87Status.Environment(cpu);
        Float80 value = X87Stack.Read(cpu, 0);
        if (X87Stack.IsEmpty(cpu, 0))
        {
            environment.Flags = X87Status.Underflow;
            value = Float80.Indefinite;
        }

        bool stores = IsStored(environment);
        if (stores) X87Stack.Write(cpu, X87Form.Register(op), value);
        return Complete(cpu, op, environment, stores);
    }

    /// <summary>Only inexactness lets an unmasked exception store its result in memory (SDM vol. 1, 8.5.4 to 8.5.6).</summary>
    private static bool IsStored(in FpEnvironment environment) => (environment.Unmasked & ~FpFlags.Precision) == 0;

    private static Op* Complete(CpuState* cpu, Op* op, in FpEnvironment environment, bool stores)
    {
        X87Status.Track(cpu, op);
        X87Status.Merge(cpu, environment.Flags);
        if (stores && (op->Extra & X87Form.Pop) != 0) X87Stack.Pop(cpu);
        return op + 1;
    }
}
