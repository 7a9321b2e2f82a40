using System.Runtime.Intrinsics;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Vitrine.Accelerators.Software.Interpreter.Sse.Operations;

/// <summary>Operations across the lanes of one vector: horizontal sums, sums of differences, the least word.</summary>
internal static class Horizontal
{
    /// <summary>PHADDW.</summary>
    internal readonly struct AddWords : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => (EvenWords(a, b) + OddWords(a, b)).AsByte();
    }

    /// <summary>PHADDD.</summary>
    internal readonly struct AddDwords : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => (EvenDwords(a, b) + OddDwords(a, b)).AsByte();
    }

    /// <summary>PHADDSW.</summary>
    internal readonly struct AddSaturate : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.AddSaturate(EvenWords(a, b), OddWords(a, b)).AsByte();
    }

    /// <summary>PHSUBW.</summary>
    internal readonly struct SubtractWords : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => (EvenWords(a, b) - OddWords(a, b)).AsByte();
    }

    /// <summary>PHSUBD.</summary>
    internal readonly struct SubtractDwords : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => (EvenDwords(a, b) - OddDwords(a, b)).AsByte();
    }

    /// <summary>PHSUBSW.</summary>
    internal readonly struct SubtractSaturate : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.SubtractSaturate(EvenWords(a, b), OddWords(a, b)).AsByte();
    }

    /// <summary>PSADBW: sum of absolute differences of each eight bytes.</summary>
    internal readonly struct SumOfDifferences : IVectorOp
    {
        public static V Apply(V a, V b, byte control)
        {
            V difference = Vector128.Max(a, b) - Vector128.Min(a, b);
            Vector128<ushort> words = (difference.AsUInt16() & Vector128.Create((ushort)0xFF)) + (difference.AsUInt16() >>> 8);
            Vector128<uint> dwords = (words.AsUInt32() & Vector128.Create(0xFFFFu)) + (words.AsUInt32() >>> 16);
            return ((dwords.AsUInt64() & Vector128.Create(0xFFFF_FFFFul)) + (dwords.AsUInt64() >>> 32)).AsByte();
        }
    }

    /// <summary>MPSADBW: eight sums of differences between four bytes of the source and sliding fours of the destination.</summary>
    internal readonly struct SlidingSumOfDifferences : IVectorOp
    {
        public static V Apply(V a, V b, byte control)
        {
            int first = (control >> 2 & 1) * 4;
            int block = (control & 3) * 4;
            Vector128<ushort> sums = Vector128<ushort>.Zero;
            for (int i = 0; i < 8; i++)
            {
                int sum = 0;
                for (int j = 0; j < 4; j++) sum += Math.Abs(a.GetElement(first + i + j) - b.GetElement(block + j));
                sums = sums.WithElement(i, (ushort)sum);
            }

            return sums.AsByte();
        }
    }

    /// <summary>PHMINPOSUW: the least word and its place.</summary>
    internal readonly struct LeastWord : IVectorOp
    {
        public static V Apply(V a, V b, byte control)
        {
            Vector128<ushort> words = b.AsUInt16();
            int place = 0;
            for (int i = 1; i < Vector128<ushort>.Count; i++)
            {
                if (words.GetElement(i) < words.GetElement(place)) place = i;
            }

            return Vector128.CreateScalar(words.GetElement(place) | ((uint)place << 16)).AsByte();
        }
    }

    private static Vector128<short> EvenWords(V a, V b) => Vector128.Narrow(a.AsInt32(), b.AsInt32());

    private static Vector128<short> OddWords(V a, V b) => Vector128.Narrow(a.AsInt32() >> 16, b.AsInt32() >> 16);

    private static Vector128<int> EvenDwords(V a, V b) => Vector128.Narrow(a.AsInt64(), b.AsInt64());

    private static Vector128<int> OddDwords(V a, V b) => Vector128.Narrow(a.AsInt64() >>> 32, b.AsInt64() >>> 32);
}
