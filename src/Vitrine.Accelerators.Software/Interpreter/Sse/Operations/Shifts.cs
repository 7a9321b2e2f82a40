using System.Runtime.Intrinsics;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Vitrine.Accelerators.Software.Interpreter.Sse.Operations;

/// <summary>Shifts. The count is the source's low 64 bits; too large a one clears, or fills with the sign.</summary>
internal static class Shifts
{
    /// <summary>PSLLW/D/Q.</summary>
    internal readonly struct Left<T> : IVectorOp
        where T : unmanaged
    {
        public static V Apply(V a, V b, byte control)
        {
            ulong count = Count(b);
            return count < Bits<T>() ? (a.As<byte, T>() << (int)count).AsByte() : V.Zero;
        }
    }

    /// <summary>PSRLW/D/Q.</summary>
    internal readonly struct RightLogical<T> : IVectorOp
        where T : unmanaged
    {
        public static V Apply(V a, V b, byte control)
        {
            ulong count = Count(b);
            return count < Bits<T>() ? (a.As<byte, T>() >>> (int)count).AsByte() : V.Zero;
        }
    }

    /// <summary>PSRAW/D.</summary>
    internal readonly struct RightArithmetic<T> : IVectorOp
        where T : unmanaged
    {
        public static V Apply(V a, V b, byte control) =>
            (a.As<byte, T>() >> (int)Math.Min(Count(b), Bits<T>() - 1)).AsByte();
    }

    /// <summary>PSLLDQ: by bytes.</summary>
    internal readonly struct LeftBytes : IVectorOp
    {
        public static V Apply(V a, V b, byte control) =>
            Vector128.Shuffle(a, V.Indices - Vector128.Create(Math.Min(control, (byte)V.Count)));
    }

    /// <summary>PSRLDQ: by bytes.</summary>
    internal readonly struct RightBytes : IVectorOp
    {
        public static V Apply(V a, V b, byte control) =>
            Vector128.Shuffle(a, Vector128.AddSaturate(V.Indices, Vector128.Create(control)));
    }

    private static ulong Count(V b) => b.AsUInt64().ToScalar();

    private static unsafe ulong Bits<T>()
        where T : unmanaged => (ulong)sizeof(T) * 8; // SAFETY: sizeof only.
}
