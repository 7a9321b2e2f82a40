using System.Runtime.Intrinsics;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Vitrine.Accelerators.Software.Interpreter.Sse.Operations;

/// <summary>Operations made of others.</summary>
internal static class Composed
{
    /// <summary>One after the other on the source: PMOVSXBD is PMOVSXBW, then PMOVSXWD.</summary>
    internal readonly struct Then<TFirst, TSecond> : IVectorOp
        where TFirst : struct, IVectorOp
        where TSecond : struct, IVectorOp
    {
        public static V Apply(V a, V b, byte control) => TSecond.Apply(a, TFirst.Apply(a, b, control), control);
    }

    /// <summary>
    /// An MMX form of an operation that reads all of its first operand, then all of the second (packs, horizontal sums):
    /// both 64-bit operands stand side by side in the first.
    /// </summary>
    internal readonly struct Joined<TOp> : IVectorOp
        where TOp : struct, IVectorOp
    {
        public static V Apply(V a, V b, byte control) => TOp.Apply(Halves.JoinLow(a, b), V.Zero, control);
    }

    /// <summary>The high half of a result: PUNPCKH on MMX registers is the upper half of PUNPCKL on XMM registers.</summary>
    internal readonly struct UpperHalf<TOp> : IVectorOp
        where TOp : struct, IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.Create(TOp.Apply(a, b, control).GetUpper(), Vector64<byte>.Zero);
    }
}
