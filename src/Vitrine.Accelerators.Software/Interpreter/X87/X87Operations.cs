using Vitrine.Accelerators.Software.FloatingPoint;

namespace Vitrine.Accelerators.Software.Interpreter.X87;

/// <summary>The six arithmetic operations as type parameters.</summary>
internal static class X87Operations
{
    internal readonly struct Add : IX87Operation
    {
        public static Float80 Apply(in Unpacked destination, in Unpacked source, ref FpEnvironment environment) =>
            X87Arithmetic.Add(destination, source, ref environment);
    }

    internal readonly struct Multiply : IX87Operation
    {
        public static Float80 Apply(in Unpacked destination, in Unpacked source, ref FpEnvironment environment) =>
            X87Arithmetic.Multiply(destination, source, ref environment);
    }

    internal readonly struct Subtract : IX87Operation
    {
        public static Float80 Apply(in Unpacked destination, in Unpacked source, ref FpEnvironment environment) =>
            X87Arithmetic.Subtract(destination, source, ref environment);
    }

    internal readonly struct SubtractReversed : IX87Operation
    {
        public static Float80 Apply(in Unpacked destination, in Unpacked source, ref FpEnvironment environment) =>
            X87Arithmetic.Subtract(source, destination, ref environment);
    }

    internal readonly struct Divide : IX87Operation
    {
        public static Float80 Apply(in Unpacked destination, in Unpacked source, ref FpEnvironment environment) =>
            X87Arithmetic.Divide(destination, source, ref environment);
    }

    internal readonly struct DivideReversed : IX87Operation
    {
        public static Float80 Apply(in Unpacked destination, in Unpacked source, ref FpEnvironment environment) =>
            X87Arithmetic.Divide(source, destination, ref environment);
    }
}
