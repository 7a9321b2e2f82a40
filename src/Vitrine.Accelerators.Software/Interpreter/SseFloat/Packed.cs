using System.Runtime.Intrinsics;
using Vitrine.Accelerators.Software.FloatingPoint;

namespace Vitrine.Accelerators.Software.Interpreter.SseFloat;

/// <summary>An element operation on all elements.</summary>
internal readonly struct Packed<TElement, TFormat> : IFloatOp
    where TElement : struct, IElementOp
    where TFormat : struct, ISseFormat
{
    /// <inheritdoc/>
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, byte control, ref FpEnvironment environment)
    {
        Vector128<byte> result = a;
        for (int i = 0; i < FloatElements.Count<TFormat>(); i++)
        {
            ulong element = TElement.Apply<TFormat>(
                FloatElements.Get<TFormat>(a, i), FloatElements.Get<TFormat>(b, i), control, ref environment);
            result = FloatElements.With<TFormat>(result, i, element);
        }

        return result;
    }
}
