using System.Runtime.Intrinsics;
using Vitrine.Accelerators.Software.FloatingPoint;

namespace Vitrine.Accelerators.Software.Interpreter.SseFloat;

/// <summary>What a floating-point SSE instruction computes from two vectors, and the exceptions it raises.</summary>
internal interface IFloatOp
{
    /// <summary>Computes the new value of the destination.</summary>
    /// <param name="a">The destination's old value.</param>
    /// <param name="b">The source; scalars are in the lowest element.</param>
    /// <param name="control">The immediate byte; meaningless for instructions without one.</param>
    /// <param name="environment">MXCSR, and the flags raised.</param>
    static abstract Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, byte control, ref FpEnvironment environment);
}
