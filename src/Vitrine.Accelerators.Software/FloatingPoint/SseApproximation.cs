using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Vitrine.Accelerators.Software.FloatingPoint;

/// <summary>
/// RCPPS and RSQRTPS, which promise a relative error of at most 1.5 * 2^-12 and whose last bits differ between processors. On an x86 host they are the
/// host's, as in translated code; elsewhere the exact value is rounded to 12 fraction bits. Denormal operands count as zero, tiny results become zero,
/// nothing is raised, and MXCSR has no influence.
/// </summary>
internal static class SseApproximation
{
    private const uint Sign = 0x8000_0000;
    private const uint Infinity = 0x7F80_0000;
    private const uint Quiet = 0x0040_0000;
    private const uint DefaultNan = 0xFFC0_0000;
    private const uint DroppedBits = 0x7FF;

    /// <summary>1 / x.</summary>
    public static uint Reciprocal(uint bits) =>
        Sse.IsSupported ? Sse.ReciprocalScalar(Vector128.CreateScalar(bits).AsSingle()).AsUInt32().ToScalar() : ReciprocalByModel(bits);

    /// <summary>1 / sqrt x.</summary>
    public static uint ReciprocalSquareRoot(uint bits) =>
        Sse.IsSupported ? Sse.ReciprocalSqrtScalar(Vector128.CreateScalar(bits).AsSingle()).AsUInt32().ToScalar() : ReciprocalSquareRootByModel(bits);

    /// <summary>1 / x on hosts that are not x86.</summary>
    internal static uint ReciprocalByModel(uint bits)
    {
        uint magnitude = bits & ~Sign;
        if (magnitude > Infinity) return bits | Quiet;
        if (magnitude == Infinity) return bits & Sign;
        if ((magnitude & Infinity) == 0) return (bits & Sign) | Infinity;
        uint result = BitConverter.SingleToUInt32Bits((float)(1.0 / BitConverter.UInt32BitsToSingle(magnitude)));
        return (bits & Sign) | ((result & Infinity) == 0 ? 0 : Shorten(result));
    }

    /// <summary>1 / sqrt x on hosts that are not x86.</summary>
    internal static uint ReciprocalSquareRootByModel(uint bits)
    {
        uint magnitude = bits & ~Sign;
        if (magnitude > Infinity) return bits | Quiet;
        if ((magnitude & Infinity) == 0) return (bits & Sign) | Infinity;
        if ((bits & Sign) != 0) return DefaultNan;
        if (magnitude == Infinity) return 0;
        return Shorten(BitConverter.SingleToUInt32Bits((float)(1.0 / Math.Sqrt(BitConverter.UInt32BitsToSingle(bits)))));
    }

    private static uint Shorten(uint bits) => (bits + ((DroppedBits + 1) / 2)) & ~DroppedBits;
}
