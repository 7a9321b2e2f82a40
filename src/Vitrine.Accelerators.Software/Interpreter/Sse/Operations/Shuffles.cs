using System.Runtime.Intrinsics;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Vitrine.Accelerators.Software.Interpreter.Sse.Operations;

/// <summary>
/// Moves and shuffles: the result's elements are elements of the operands. An index beyond the vector selects zero in
/// <see cref="Vector128.Shuffle(V, V)"/>.
/// </summary>
internal static class Shuffles
{
    /// <summary>Plain moves: the whole source.</summary>
    internal readonly struct Copy : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => b;
    }

    /// <summary>MOVQ, MOVQ2DQ: the low quadword, zero-extended.</summary>
    internal readonly struct CopyLow : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.CreateScalar(b.AsUInt64().ToScalar()).AsByte();
    }

    /// <summary>MOVSS, MOVSD, MOVLPS, MOVLPD into a register: only the lowest element changes.</summary>
    internal readonly struct MergeLow<T> : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => a.As<byte, T>().WithElement(0, b.As<byte, T>().ToScalar()).AsByte();
    }

    /// <summary>MOVLHPS, MOVHPS, MOVHPD into a register: the source's low quadword becomes the high one.</summary>
    internal readonly struct LowToHigh : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Halves.JoinLow(a, b);
    }

    /// <summary>MOVHLPS: the source's high quadword becomes the low one.</summary>
    internal readonly struct HighToLow : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.Create(b.GetUpper(), a.GetUpper());
    }

    /// <summary>MOVSLDUP.</summary>
    internal readonly struct DuplicateEven : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.Shuffle(b.AsUInt32(), Vector128.Create(0u, 0, 2, 2)).AsByte();
    }

    /// <summary>MOVSHDUP.</summary>
    internal readonly struct DuplicateOdd : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.Shuffle(b.AsUInt32(), Vector128.Create(1u, 1, 3, 3)).AsByte();
    }

    /// <summary>MOVDDUP.</summary>
    internal readonly struct DuplicateLow : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Halves.JoinLow(b, b);
    }

    /// <summary>PSHUFB: bit 7 of an index clears.</summary>
    internal readonly struct Bytes : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.Shuffle(a, b & Vector128.Create((byte)0x8F));
    }

    /// <summary>PSHUFB on MMX registers.</summary>
    internal readonly struct BytesMmx : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.Shuffle(a, b & Vector128.Create((byte)0x87));
    }

    /// <summary>PSHUFD.</summary>
    internal readonly struct Dwords : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.Shuffle(
            b.AsUInt32(), Vector128.Create(Pick(control, 0), Pick(control, 1), Pick(control, 2), Pick(control, 3))).AsByte();
    }

    /// <summary>PSHUFLW, PSHUFW.</summary>
    internal readonly struct LowWords : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.Create(
            Words(b.AsUInt64().ToScalar(), control), b.AsUInt64().GetElement(1)).AsByte();
    }

    /// <summary>PSHUFHW.</summary>
    internal readonly struct HighWords : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Vector128.Create(
            b.AsUInt64().ToScalar(), Words(b.AsUInt64().GetElement(1), control)).AsByte();
    }

    /// <summary>SHUFPS: two of the destination's, then two of the source's.</summary>
    internal readonly struct Singles : IVectorOp
    {
        public static V Apply(V a, V b, byte control)
        {
            Vector128<uint> index = Vector128.Create(Pick(control, 0), Pick(control, 1), Pick(control, 2), Pick(control, 3));
            return Halves.JoinLow(
                Vector128.Shuffle(a.AsUInt32(), index).AsByte(),
                Vector128.Shuffle(b.AsUInt32(), Vector128.Create(index.GetUpper(), index.GetLower())).AsByte());
        }
    }

    /// <summary>SHUFPD.</summary>
    internal readonly struct Doubles : IVectorOp
    {
        public static V Apply(V a, V b, byte control) =>
            Vector128.Create(a.AsUInt64().GetElement(control & 1), b.AsUInt64().GetElement(control >> 1 & 1)).AsByte();
    }

    /// <summary>PALIGNR: 16 bytes out of destination above source.</summary>
    internal readonly struct AlignRight : IVectorOp
    {
        public static V Apply(V a, V b, byte control)
        {
            V index = Vector128.AddSaturate(V.Indices, Vector128.Create(control));
            return Vector128.Shuffle(b, index) | Vector128.Shuffle(a, index - Vector128.Create((byte)V.Count));
        }
    }

    /// <summary>PALIGNR on MMX registers: 8 bytes.</summary>
    internal readonly struct AlignRightMmx : IVectorOp
    {
        public static V Apply(V a, V b, byte control) =>
            Vector128.Shuffle(Halves.JoinLow(b, a), Vector128.AddSaturate(V.Indices, Vector128.Create(control)));
    }

    private static uint Pick(byte control, int place) => (uint)(control >> (2 * place)) & 3;

    private static ulong Words(ulong source, byte control) =>
        (ushort)(source >> (int)(16 * Pick(control, 0))) |
        ((ulong)(ushort)(source >> (int)(16 * Pick(control, 1))) << 16) |
        ((ulong)(ushort)(source >> (int)(16 * Pick(control, 2))) << 32) |
        ((ulong)(ushort)(source >> (int)(16 * Pick(control, 3))) << 48);
}
