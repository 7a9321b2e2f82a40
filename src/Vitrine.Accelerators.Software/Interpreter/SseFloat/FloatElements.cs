using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Vitrine.Accelerators.Software.FloatingPoint;

namespace Vitrine.Accelerators.Software.Interpreter.SseFloat;

/// <summary>FloatElements of a vector, by format.</summary>
internal static class FloatElements
{
    /// <summary>How many elements of the format a vector holds.</summary>
    public static int Count<TFormat>()
        where TFormat : struct, ISseFormat => typeof(TFormat) == typeof(DoubleFormat) ? 2 : 4;

    /// <summary>Element <paramref name="index"/>, zero-extended.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Get<TFormat>(Vector128<byte> vector, int index)
        where TFormat : struct, ISseFormat =>
        typeof(TFormat) == typeof(DoubleFormat) ? vector.AsUInt64().GetElement(index) : vector.AsUInt32().GetElement(index);

    /// <summary>The vector with element <paramref name="index"/> replaced.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> With<TFormat>(Vector128<byte> vector, int index, ulong element)
        where TFormat : struct, ISseFormat =>
        typeof(TFormat) == typeof(DoubleFormat)
            ? vector.AsUInt64().WithElement(index, element).AsByte()
            : vector.AsUInt32().WithElement(index, (uint)element).AsByte();
}
