using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Vitrine.Accelerators.Software.Interpreter.Sse.Operations;

/// <summary>Bitwise operations; PAND and ANDPS differ only in name.</summary>
internal static class Logic
{
    /// <summary>PAND, ANDPS, ANDPD.</summary>
    internal readonly struct And : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => a & b;
    }

    /// <summary>PANDN, ANDNPS, ANDNPD: the destination is the inverted one.</summary>
    internal readonly struct AndNot : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => ~a & b;
    }

    /// <summary>POR, ORPS, ORPD.</summary>
    internal readonly struct Or : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => a | b;
    }

    /// <summary>PXOR, XORPS, XORPD.</summary>
    internal readonly struct Xor : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => a ^ b;
    }
}
