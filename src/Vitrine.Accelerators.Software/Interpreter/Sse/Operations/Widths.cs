using System.Runtime.Intrinsics;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Vitrine.Accelerators.Software.Interpreter.Sse.Operations;

/// <summary>Between element widths: packs (narrow with saturation), unpacks (interleave), extensions.</summary>
internal static class Widths
{
    /// <summary>PACKSSWB.</summary>
    internal readonly struct PackSignedWords : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.NarrowWithSaturation(a.AsInt16(), b.AsInt16()).AsByte();
    }

    /// <summary>PACKSSDW.</summary>
    internal readonly struct PackSignedDwords : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.NarrowWithSaturation(a.AsInt32(), b.AsInt32()).AsByte();
    }

    /// <summary>PACKUSWB: signed words to unsigned bytes.</summary>
    internal readonly struct PackUnsignedWords : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.NarrowWithSaturation(
            Vector128.Max(a.AsInt16(), Vector128<short>.Zero).AsUInt16(),
            Vector128.Max(b.AsInt16(), Vector128<short>.Zero).AsUInt16());
    }

    /// <summary>PACKUSDW: signed doublewords to unsigned words.</summary>
    internal readonly struct PackUnsignedDwords : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.NarrowWithSaturation(
            Vector128.Max(a.AsInt32(), Vector128<int>.Zero).AsUInt32(),
            Vector128.Max(b.AsInt32(), Vector128<int>.Zero).AsUInt32()).AsByte();
    }

    /// <summary>PUNPCKLBW/WD/DQ/QDQ, UNPCKLPS, UNPCKLPD.</summary>
    internal readonly struct UnpackLow<T> : IVectorOp
        where T : unmanaged
    {
        public static V Apply(V a, V b, byte control) => Interleave<T>(a, b, 0);
    }

    /// <summary>PUNPCKHBW/WD/DQ/QDQ, UNPCKHPS, UNPCKHPD.</summary>
    internal readonly struct UnpackHigh<T> : IVectorOp
        where T : unmanaged
    {
        public static V Apply(V a, V b, byte control) => Interleave<T>(a, b, 8);
    }

    /// <summary>PMOVSXBW.</summary>
    internal readonly struct SignedBytes : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.WidenLower(b.AsSByte()).AsByte();
    }

    /// <summary>PMOVSXWD.</summary>
    internal readonly struct SignedWords : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.WidenLower(b.AsInt16()).AsByte();
    }

    /// <summary>PMOVSXDQ.</summary>
    internal readonly struct SignedDwords : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.WidenLower(b.AsInt32()).AsByte();
    }

    /// <summary>PMOVZXBW.</summary>
    internal readonly struct UnsignedBytes : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.WidenLower(b).AsByte();
    }

    /// <summary>PMOVZXWD.</summary>
    internal readonly struct UnsignedWords : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.WidenLower(b.AsUInt16()).AsByte();
    }

    /// <summary>PMOVZXDQ.</summary>
    internal readonly struct UnsignedDwords : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.WidenLower(b.AsUInt32()).AsByte();
    }

    private static unsafe V Interleave<T>(V a, V b, byte first)
        where T : unmanaged
    {
        // SAFETY: sizeof only. An index of 16 or more selects zero.
        V evens = sizeof(T) switch
        {
            1 => Vector128.Create(0, 255, 1, 255, 2, 255, 3, 255, 4, 255, 5, 255, 6, 255, 7, 255),
            2 => Vector128.Create((byte)0, 1, 255, 255, 2, 3, 255, 255, 4, 5, 255, 255, 6, 7, 255, 255),
            4 => Vector128.Create((byte)0, 1, 2, 3, 255, 255, 255, 255, 4, 5, 6, 7, 255, 255, 255, 255),
            _ => Vector128.Create((byte)0, 1, 2, 3, 4, 5, 6, 7, 255, 255, 255, 255, 255, 255, 255, 255),
        };
        V odds = sizeof(T) switch
        {
            1 => Vector128.Create(255, 0, 255, 1, 255, 2, 255, 3, 255, 4, 255, 5, 255, 6, 255, 7),
            2 => Vector128.Create(255, 255, 0, 1, 255, 255, 2, 3, 255, 255, 4, 5, 255, 255, 6, 7),
            4 => Vector128.Create(255, 255, 255, 255, 0, 1, 2, 3, 255, 255, 255, 255, 4, 5, 6, 7),
            _ => Vector128.Create(255, 255, 255, 255, 255, 255, 255, 255, 0, 1, 2, 3, 4, 5, 6, 7),
        };
        V start = Vector128.Create(first);
        return Vector128.Shuffle(a, evens | start) | Vector128.Shuffle(b, odds | start);
    }
}
