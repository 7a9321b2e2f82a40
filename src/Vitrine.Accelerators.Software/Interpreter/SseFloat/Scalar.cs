using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Vitrine.Accelerators.Software.FloatingPoint;

namespace Vitrine.Accelerators.Software.Interpreter.SseFloat;

/// <summary>An element operation on the lowest element; the others keep the destination's value.</summary>
internal readonly struct Scalar<TElement, TFormat> : IFloatOp
    where TElement : struct, IElementOp
    where TFormat : struct, ISseFormat
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, byte control, ref FpEnvironment environment)
    {
        ulong element = TElement.Apply<TFormat>(
            FloatElements.Get<TFormat>(a, 0), FloatElements.Get<TFormat>(b, 0), control, ref environment);
        return FloatElements.With<TFormat>(a, 0, element);
    }
}
