using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Vitrine.Accelerators.Software.Interpreter.Sse.Operations;

/// <summary>Vectors as pairs of 64-bit halves.</summary>
internal static class Halves
{
    /// <summary>The low halves of two vectors: <paramref name="a"/>'s below <paramref name="b"/>'s.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V JoinLow(V a, V b) => Vector128.Create(a.GetLower(), b.GetLower());
}
