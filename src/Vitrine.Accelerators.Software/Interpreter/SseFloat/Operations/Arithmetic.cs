using Vitrine.Accelerators.Software.FloatingPoint;

namespace Vitrine.Accelerators.Software.Interpreter.SseFloat.Operations;

/// <summary>Element operations: arithmetic, comparison, rounding, approximation.</summary>
internal static class Arithmetic
{
    internal readonly struct Add : IElementOp
    {
        public static ulong Apply<TFormat>(ulong a, ulong b, byte control, ref FpEnvironment environment)
            where TFormat : struct, ISseFormat => SseArithmetic.Add<TFormat>(a, b, ref environment);
    }

    internal readonly struct Subtract : IElementOp
    {
        public static ulong Apply<TFormat>(ulong a, ulong b, byte control, ref FpEnvironment environment)
            where TFormat : struct, ISseFormat => SseArithmetic.Subtract<TFormat>(a, b, ref environment);
    }

    internal readonly struct Multiply : IElementOp
    {
        public static ulong Apply<TFormat>(ulong a, ulong b, byte control, ref FpEnvironment environment)
            where TFormat : struct, ISseFormat => SseArithmetic.Multiply<TFormat>(a, b, ref environment);
    }

    internal readonly struct Divide : IElementOp
    {
        public static ulong Apply<TFormat>(ulong a, ulong b, byte control, ref FpEnvironment environment)
            where TFormat : struct, ISseFormat => SseArithmetic.Divide<TFormat>(a, b, ref environment);
    }

    internal readonly struct SquareRoot : IElementOp
    {
        public static ulong Apply<TFormat>(ulong a, ulong b, byte control, ref FpEnvironment environment)
            where TFormat : struct, ISseFormat => SseArithmetic.SquareRoot<TFormat>(b, ref environment);
    }

    internal readonly struct Min : IElementOp
    {
        public static ulong Apply<TFormat>(ulong a, ulong b, byte control, ref FpEnvironment environment)
            where TFormat : struct, ISseFormat => SseArithmetic.Min<TFormat>(a, b, ref environment);
    }

    internal readonly struct Max : IElementOp
    {
        public static ulong Apply<TFormat>(ulong a, ulong b, byte control, ref FpEnvironment environment)
            where TFormat : struct, ISseFormat => SseArithmetic.Max<TFormat>(a, b, ref environment);
    }

    /// <summary>CMPPS and its kin: all ones where the predicate of the immediate holds.</summary>
    internal readonly struct Compare : IElementOp
    {
        public static ulong Apply<TFormat>(ulong a, ulong b, byte control, ref FpEnvironment environment)
            where TFormat : struct, ISseFormat =>
            SseArithmetic.Matches<TFormat>(a, b, control & 7, ref environment) ? ulong.MaxValue : 0;
    }

    /// <summary>ROUNDPS and its kin.</summary>
    internal readonly struct Round : IElementOp
    {
        public static ulong Apply<TFormat>(ulong a, ulong b, byte control, ref FpEnvironment environment)
            where TFormat : struct, ISseFormat => SseConversion.RoundToIntegral<TFormat>(b, control, ref environment);
    }

    /// <summary>RCPPS, RCPSS: raises nothing, ignores MXCSR.</summary>
    internal readonly struct Reciprocal : IElementOp
    {
        public static ulong Apply<TFormat>(ulong a, ulong b, byte control, ref FpEnvironment environment)
            where TFormat : struct, ISseFormat => SseApproximation.Reciprocal((uint)b);
    }

    /// <summary>RSQRTPS, RSQRTSS: raises nothing, ignores MXCSR.</summary>
    internal readonly struct ReciprocalSquareRoot : IElementOp
    {
        public static ulong Apply<TFormat>(ulong a, ulong b, byte control, ref FpEnvironment environment)
            where TFormat : struct, ISseFormat => SseApproximation.ReciprocalSquareRoot((uint)b);
    }
}
