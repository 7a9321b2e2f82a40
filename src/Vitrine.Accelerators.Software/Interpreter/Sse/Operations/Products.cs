using System.Runtime.Intrinsics;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Vitrine.Accelerators.Software.Interpreter.Sse.Operations;

/// <summary>Multiplications whose products are wider than their operands.</summary>
internal static class Products
{
    /// <summary>PMULHW.</summary>
    internal readonly struct HighSigned : IVectorOp
    {
        public static V Apply(V a, V b, byte control) =>
            Vector128.Narrow(SignedLower(a, b) >> 16, SignedUpper(a, b) >> 16).AsByte();
    }

    /// <summary>PMULHUW.</summary>
    internal readonly struct HighUnsigned : IVectorOp
    {
        public static V Apply(V a, V b, byte control)
        {
            Vector128<uint> lower = Vector128.WidenLower(a.AsUInt16()) * Vector128.WidenLower(b.AsUInt16());
            Vector128<uint> upper = Vector128.WidenUpper(a.AsUInt16()) * Vector128.WidenUpper(b.AsUInt16());
            return Vector128.Narrow(lower >>> 16, upper >>> 16).AsByte();
        }
    }

    /// <summary>PMULHRSW: bits 30:15 of the product, rounded.</summary>
    internal readonly struct HighRounded : IVectorOp
    {
        public static V Apply(V a, V b, byte control) =>
            Vector128.Narrow(Round(SignedLower(a, b)), Round(SignedUpper(a, b))).AsByte();

        private static Vector128<int> Round(Vector128<int> product) => ((product >> 14) + Vector128<int>.One) >> 1;
    }

    /// <summary>PMULUDQ: the even doublewords.</summary>
    internal readonly struct EvenUnsigned : IVectorOp
    {
        public static V Apply(V a, V b, byte control)
        {
            Vector128<ulong> low = Vector128.Create((ulong)uint.MaxValue);
            return ((a.AsUInt64() & low) * (b.AsUInt64() & low)).AsByte();
        }
    }

    /// <summary>PMULDQ: the even doublewords, signed.</summary>
    internal readonly struct EvenSigned : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.Create(
            (long)a.AsInt32().GetElement(0) * b.AsInt32().GetElement(0),
            (long)a.AsInt32().GetElement(2) * b.AsInt32().GetElement(2)).AsByte();
    }

    /// <summary>PMADDWD: sums of neighbouring products of signed words.</summary>
    internal readonly struct AddPairsWords : IVectorOp
    {
        public static V Apply(V a, V b, byte control)
        {
            Vector128<int> x = a.AsInt32();
            Vector128<int> y = b.AsInt32();
            return (((x << 16 >> 16) * (y << 16 >> 16)) + ((x >> 16) * (y >> 16))).AsByte();
        }
    }

    /// <summary>PMADDUBSW: saturated sums of neighbouring products of unsigned (destination) and signed (source) bytes.</summary>
    internal readonly struct AddPairsBytes : IVectorOp
    {
        public static V Apply(V a, V b, byte control)
        {
            Vector128<short> evenA = a.AsInt16() & Vector128.Create((short)0xFF);
            Vector128<short> oddA = a.AsInt16() >>> 8;
            Vector128<short> evenB = b.AsInt16() << 8 >> 8;
            Vector128<short> oddB = b.AsInt16() >> 8;
            return Vector128.AddSaturate(evenA * evenB, oddA * oddB).AsByte();
        }
    }

    private static Vector128<int> SignedLower(V a, V b) => Vector128.WidenLower(a.AsInt16()) * Vector128.WidenLower(b.AsInt16());

    private static Vector128<int> SignedUpper(V a, V b) => Vector128.WidenUpper(a.AsInt16()) * Vector128.WidenUpper(b.AsInt16());
}
