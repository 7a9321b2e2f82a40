using System.Runtime.Intrinsics;

namespace Vitrine.Accelerators.Software.Interpreter.Sse;

/// <summary>
/// What an instruction computes from two vectors, without registers, memory or faults. MMX instructions use the low half.
/// Scalars (GPRs, shift counts, narrow memory operands) are zero-extended vectors.
/// </summary>
internal interface IVectorOp
{
    /// <summary>Computes the new value of the destination.</summary>
    /// <param name="a">The destination's old value.</param>
    /// <param name="b">The source.</param>
    /// <param name="control">The immediate byte; meaningless for instructions without one.</param>
    static abstract Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, byte control);
}
