using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.FloatingPoint;
using Vitrine.Accelerators.Software.HostCode;
using Vitrine.Accelerators.Software.Interpreter.Decode;

namespace Vitrine.Accelerators.Software.Interpreter.X87;

/// <summary>Functions of ST(0), or of ST(0) and ST(1): square root, rounding, scaling, remainders and the transcendentals.</summary>
internal static unsafe class Functions
{
    // SAFETY: handlers follow the contract in README.md.
    private const int RemainderConditions = X87Status.C0 | X87Status.C2 | X87Status.C3;

    /// <summary>All instructions.</summary>
    public static void Register(OpTable table)
    {
        table.Add(Code.Fsqrt, &BindUnary<SquareRoot>);
        table.Add(Code.Frndint, &BindUnary<RoundToIntegral>);
        table.Add(Code.Fscale, &BindBinary<Scale>);
        table.Add(Code.Fprem, &BindRemainder<Truncating>);
        table.Add(Code.Fprem1, &BindRemainder<Rounding>);
        table.Add(Code.Fxtract, &BindExtract);
        AddTranscendental(table, Code.F2xm1, &BindUnary<PowerMinusOne>);
        AddTranscendental(table, Code.Fpatan, &BindBinaryPop<Arctangent>);
        AddTranscendental(table, Code.Fyl2x, &BindBinaryPop<Logarithm>);
        AddTranscendental(table, Code.Fyl2xp1, &BindBinaryPop<LogarithmPlusOne>);
        AddTranscendental(table, Code.Fsin, &BindAngle<Sine>);
        AddTranscendental(table, Code.Fcos, &BindAngle<Cosine>);
        AddTranscendental(table, Code.Fsincos, &BindAnglePush<SineAndCosine>);
        AddTranscendental(table, Code.Fptan, &BindAnglePush<Tangent>);
    }

    private static void AddTranscendental(OpTable table, Code code, Binder model) => table.Add(code, HostAnswers.AreKnown ? &HostFunction.Bind : model);

    private interface IUnary
    {
        static abstract Float80 Apply(Float80 value, ref FpEnvironment environment);
    }

    private interface IBinary
    {
        static abstract Float80 Apply(Float80 st0, Float80 st1, ref FpEnvironment environment);
    }

    /// <summary>False when the angle is out of range.</summary>
    private interface IAngle
    {
        static abstract bool Apply(Float80 angle, ref FpEnvironment environment, out Float80 replaced, out Float80 pushed);
    }

    private interface IRemainder
    {
        static abstract bool IsNearest { get; }
    }

    private readonly struct SquareRoot : IUnary
    {
        public static Float80 Apply(Float80 value, ref FpEnvironment environment) =>
            X87Arithmetic.SquareRoot(Unpacked.From(value), ref environment);
    }

    private readonly struct RoundToIntegral : IUnary
    {
        public static Float80 Apply(Float80 value, ref FpEnvironment environment) =>
            X87Conversion.RoundToIntegral(value, ref environment);
    }

    private readonly struct PowerMinusOne : IUnary
    {
        public static Float80 Apply(Float80 value, ref FpEnvironment environment) =>
            X87Logarithm.PowerMinusOne(value, ref environment);
    }

    private readonly struct Scale : IBinary
    {
        public static Float80 Apply(Float80 st0, Float80 st1, ref FpEnvironment environment) =>
            X87Remainder.Scale(st0, st1, ref environment);
    }

    private readonly struct Arctangent : IBinary
    {
        public static Float80 Apply(Float80 st0, Float80 st1, ref FpEnvironment environment) =>
            X87Trigonometry.Arctangent(st1, st0, ref environment);
    }

    private readonly struct Logarithm : IBinary
    {
        public static Float80 Apply(Float80 st0, Float80 st1, ref FpEnvironment environment) =>
            X87Logarithm.Logarithm(st1, st0, ref environment);
    }

    private readonly struct LogarithmPlusOne : IBinary
    {
        public static Float80 Apply(Float80 st0, Float80 st1, ref FpEnvironment environment) =>
            X87Logarithm.LogarithmPlusOne(st1, st0, ref environment);
    }

    private readonly struct Truncating : IRemainder
    {
        public static bool IsNearest => false;
    }

    private readonly struct Rounding : IRemainder
    {
        public static bool IsNearest => true;
    }

    private readonly struct Sine : IAngle
    {
        public static bool Apply(Float80 angle, ref FpEnvironment environment, out Float80 replaced, out Float80 pushed)
        {
            pushed = default;
            return X87Trigonometry.TrySine(angle, ref environment, out replaced);
        }
    }

    private readonly struct Cosine : IAngle
    {
        public static bool Apply(Float80 angle, ref FpEnvironment environment, out Float80 replaced, out Float80 pushed)
        {
            pushed = default;
            return X87Trigonometry.TryCosine(angle, ref environment, out replaced);
        }
    }

    private readonly struct SineAndCosine : IAngle
    {
        public static bool Apply(Float80 angle, ref FpEnvironment environment, out Float80 replaced, out Float80 pushed) =>
            X87Trigonometry.TrySineAndCosine(angle, ref environment, out replaced, out pushed);
    }

    private readonly struct Tangent : IAngle
    {
        public static bool Apply(Float80 angle, ref FpEnvironment environment, out Float80 replaced, out Float80 pushed) =>
            X87Trigonometry.TryTangent(angle, ref environment, out replaced, out pushed);
    }

    private static void BindUnary<TFunction>(in Instruction instruction, in BindContext context, Op* op)
        where TFunction : struct, IUnary => X87Form.Bind(instruction, context, op, &Unary<TFunction>);

    private static void BindBinary<TFunction>(in Instruction instruction, in BindContext context, Op* op)
        where TFunction : struct, IBinary => X87Form.Bind(instruction, context, op, &Binary<TFunction>);

    private static void BindBinaryPop<TFunction>(in Instruction instruction, in BindContext context, Op* op)
        where TFunction : struct, IBinary => X87Form.Bind(instruction, context, op, &Binary<TFunction>, X87Form.Pop);

    private static void BindRemainder<TRemainder>(in Instruction instruction, in BindContext context, Op* op)
        where TRemainder : struct, IRemainder => X87Form.Bind(instruction, context, op, &Remainder<TRemainder>);

    private static void BindExtract(in Instruction instruction, in BindContext context, Op* op) =>
        X87Form.Bind(instruction, context, op, &Extract);

    private static void BindAngle<TFunction>(in Instruction instruction, in BindContext context, Op* op)
        where TFunction : struct, IAngle => X87Form.Bind(instruction, context, op, &Angle<TFunction>);

    private static void BindAnglePush<TFunction>(in Instruction instruction, in BindContext context, Op* op)
        where TFunction : struct, IAngle => X87Form.Bind(instruction, context, op, &AnglePush<TFunction>);

    private static Op* Unary<TFunction>(CpuState* cpu, Op* op)
        where TFunction : struct, IUnary
    {
        if (!X87Status.Ready(cpu)) return Faults.Raise(cpu, op);
        X87Status.Track(cpu, op);
        FpEnvironment environment = X87Status.Environment(cpu);
        Float80 result = Float80.Indefinite;
        if (X87Stack.IsEmpty(cpu, 0)) environment.Flags = X87Status.Underflow;
        else result = TFunction.Apply(X87Stack.Read(cpu, 0), ref environment);
        if (!environment.HasNoResult) X87Stack.Write(cpu, 0, result);
        X87Status.Merge(cpu, environment.Flags);
        return op + 1;
    }

    /// <summary>The result replaces ST(0); or it replaces ST(1), and a pop makes it ST(0).</summary>
    private static Op* Binary<TFunction>(CpuState* cpu, Op* op)
        where TFunction : struct, IBinary
    {
        if (!X87Status.Ready(cpu)) return Faults.Raise(cpu, op);
        X87Status.Track(cpu, op);
        FpEnvironment environment = X87Status.Environment(cpu);
        Float80 result = Float80.Indefinite;
        if (X87Stack.IsEmpty(cpu, 0) || X87Stack.IsEmpty(cpu, 1)) environment.Flags = X87Status.Underflow;
        else result = TFunction.Apply(X87Stack.Read(cpu, 0), X87Stack.Read(cpu, 1), ref environment);
        if (!environment.HasNoResult)
        {
            if ((op->Extra & X87Form.Pop) != 0) X87Stack.Pop(cpu);
            X87Stack.Write(cpu, 0, result);
        }

        X87Status.Merge(cpu, environment.Flags);
        return op + 1;
    }

    private static Op* Remainder<TRemainder>(CpuState* cpu, Op* op)
        where TRemainder : struct, IRemainder
    {
        if (!X87Status.Ready(cpu)) return Faults.Raise(cpu, op);
        X87Status.Track(cpu, op);
        FpEnvironment environment = X87Status.Environment(cpu);
        X87Remainder.Result remainder = new(Float80.Indefinite, 0, false);
        if (X87Stack.IsEmpty(cpu, 0) || X87Stack.IsEmpty(cpu, 1))
        {
            environment.Flags = X87Status.Underflow;
        }
        else
        {
            remainder = X87Remainder.Remainder(
                X87Stack.Read(cpu, 0), X87Stack.Read(cpu, 1), TRemainder.IsNearest, ref environment);
        }

        if (!environment.HasNoResult) X87Stack.Write(cpu, 0, remainder.Value);
        bool isNan = remainder.Value.BiasedExponent == 0x7FFF;
        if (environment.HasNoResult || isNan)
        {
            X87Status.Merge(cpu, environment.Flags);
            X87Status.SetConditions(cpu, X87Status.C2, 0);
            return op + 1;
        }

        // C0, C3 and C1 hold bits 2, 1 and 0 of the quotient.
        int quotient = remainder.Quotient;
        X87Status.Merge(cpu, environment.Flags | ((quotient & 1) != 0 ? X87Status.C1 : 0));
        X87Status.SetConditions(
            cpu,
            RemainderConditions,
            ((quotient & 4) != 0 ? X87Status.C0 : 0) | ((quotient & 2) != 0 ? X87Status.C3 : 0) | (remainder.IsPartial ? X87Status.C2 : 0));
        return op + 1;
    }

    private static Op* Extract(CpuState* cpu, Op* op)
    {
        if (!X87Status.Ready(cpu)) return Faults.Raise(cpu, op);
        X87Status.Track(cpu, op);
        FpEnvironment environment = X87Status.Environment(cpu);
        Float80 exponent = Float80.Indefinite;
        Float80 significand = Float80.Indefinite;
        if (X87Stack.IsEmpty(cpu, 0)) environment.Flags = X87Status.Underflow;
        else if (X87Stack.IsFull(cpu)) environment.Flags = X87Status.Overflow;
        else significand = X87Remainder.Extract(X87Stack.Read(cpu, 0), ref environment, out exponent);
        if (!environment.HasNoResult)
        {
            X87Stack.Write(cpu, 0, exponent);
            X87Stack.Push(cpu, significand);
        }

        X87Status.Merge(cpu, environment.Flags);
        return op + 1;
    }

    private static Op* Angle<TFunction>(CpuState* cpu, Op* op)
        where TFunction : struct, IAngle
    {
        if (!X87Status.Ready(cpu)) return Faults.Raise(cpu, op);
        X87Status.Track(cpu, op);
        FpEnvironment environment = X87Status.Environment(cpu);
        Float80 result = Float80.Indefinite;
        bool inRange = true;
        if (X87Stack.IsEmpty(cpu, 0)) environment.Flags = X87Status.Underflow;
        else inRange = TFunction.Apply(X87Stack.Read(cpu, 0), ref environment, out result, out _);
        if (inRange && !environment.HasNoResult) X87Stack.Write(cpu, 0, result);
        X87Status.Merge(cpu, environment.Flags);
        X87Status.SetConditions(cpu, X87Status.C2, inRange ? 0 : X87Status.C2);
        return op + 1;
    }

    private static Op* AnglePush<TFunction>(CpuState* cpu, Op* op)
        where TFunction : struct, IAngle
    {
        if (!X87Status.Ready(cpu)) return Faults.Raise(cpu, op);
        X87Status.Track(cpu, op);
        FpEnvironment environment = X87Status.Environment(cpu);
        Float80 replaced = Float80.Indefinite;
        Float80 pushed = Float80.Indefinite;
        bool inRange = true;
        if (X87Stack.IsEmpty(cpu, 0)) environment.Flags = X87Status.Underflow;
        else if (X87Stack.IsFull(cpu)) environment.Flags = X87Status.Overflow;
        else inRange = TFunction.Apply(X87Stack.Read(cpu, 0), ref environment, out replaced, out pushed);
        if (inRange && !environment.HasNoResult)
        {
            X87Stack.Write(cpu, 0, replaced);
            X87Stack.Push(cpu, pushed);
        }

        X87Status.Merge(cpu, environment.Flags);
        X87Status.SetConditions(cpu, X87Status.C2, inRange ? 0 : X87Status.C2);
        return op + 1;
    }
}
