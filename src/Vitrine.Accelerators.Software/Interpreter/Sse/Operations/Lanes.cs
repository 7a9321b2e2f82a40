using System.Runtime.Intrinsics;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Vitrine.Accelerators.Software.Interpreter.Sse.Operations;

/// <summary>Lane-wise integer arithmetic and comparison; signedness follows the element type.</summary>
internal static class Lanes
{
    /// <summary>PADDB/W/D/Q.</summary>
    internal readonly struct Add<T> : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => (a.As<byte, T>() + b.As<byte, T>()).AsByte();
    }

    /// <summary>PSUBB/W/D/Q.</summary>
    internal readonly struct Subtract<T> : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => (a.As<byte, T>() - b.As<byte, T>()).AsByte();
    }

    /// <summary>PADDSB/SW/USB/USW.</summary>
    internal readonly struct AddSaturate<T> : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.AddSaturate(a.As<byte, T>(), b.As<byte, T>()).AsByte();
    }

    /// <summary>PSUBSB/SW/USB/USW.</summary>
    internal readonly struct SubtractSaturate<T> : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.SubtractSaturate(a.As<byte, T>(), b.As<byte, T>()).AsByte();
    }

    /// <summary>PAVGB/W: half the sum, rounded up, without its overflow.</summary>
    internal readonly struct Average<T> : IVectorOp
    {
        public static V Apply(V a, V b, byte control) =>
            ((a | b).As<byte, T>() - ((a ^ b).As<byte, T>() >>> 1)).AsByte();
    }

    /// <summary>PMINSB/SW/SD/UB/UW/UD.</summary>
    internal readonly struct Min<T> : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.Min(a.As<byte, T>(), b.As<byte, T>()).AsByte();
    }

    /// <summary>PMAXSB/SW/SD/UB/UW/UD.</summary>
    internal readonly struct Max<T> : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.Max(a.As<byte, T>(), b.As<byte, T>()).AsByte();
    }

    /// <summary>PABSB/W/D: the most negative number stays.</summary>
    internal readonly struct Abs<T> : IVectorOp
    {
        public static V Apply(V a, V b, byte control)
        {
            V negative = Vector128.LessThan(b.As<byte, T>(), Vector128<T>.Zero).AsByte();
            return ((b ^ negative).As<byte, T>() - negative.As<byte, T>()).AsByte();
        }
    }

    /// <summary>PSIGNB/W/D: negated, kept or cleared as the source is negative, positive or zero.</summary>
    internal readonly struct Sign<T> : IVectorOp
    {
        public static V Apply(V a, V b, byte control)
        {
            V negative = Vector128.LessThan(b.As<byte, T>(), Vector128<T>.Zero).AsByte();
            V zero = Vector128.Equals(b.As<byte, T>(), Vector128<T>.Zero).AsByte();
            return ((a ^ negative).As<byte, T>() - negative.As<byte, T>()).AsByte() & ~zero;
        }
    }

    /// <summary>PCMPEQB/W/D/Q.</summary>
    internal readonly struct CompareEqual<T> : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.Equals(a.As<byte, T>(), b.As<byte, T>()).AsByte();
    }

    /// <summary>PCMPGTB/W/D/Q.</summary>
    internal readonly struct CompareGreater<T> : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.GreaterThan(a.As<byte, T>(), b.As<byte, T>()).AsByte();
    }

    /// <summary>PMULLW, PMULLD.</summary>
    internal readonly struct MultiplyLow<T> : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => (a.As<byte, T>() * b.As<byte, T>()).AsByte();
    }

    /// <summary>PMOVMSKB, MOVMSKPS, MOVMSKPD: the sign bits as a number.</summary>
    internal readonly struct SignMask<T> : IVectorOp
    {
        public static V Apply(V a, V b, byte control) =>
            Vector128.CreateScalar((ulong)b.As<byte, T>().ExtractMostSignificantBits()).AsByte();
    }
}
