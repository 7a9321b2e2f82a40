using System.Runtime.Intrinsics;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Vitrine.Accelerators.Software.Interpreter.Sse.Operations;

/// <summary>Single elements in and out, and blends.</summary>
internal static class Elements
{
    /// <summary>PINSRB/W/D/Q: the source's lowest element goes to the place the immediate names.</summary>
    internal readonly struct Insert<T> : IVectorOp
    {
        public static V Apply(V a, V b, byte control) =>
            a.As<byte, T>().WithElement(control & (Vector128<T>.Count - 1), b.As<byte, T>().ToScalar()).AsByte();
    }

    /// <summary>PINSRW on MMX registers, which have four words.</summary>
    internal readonly struct InsertMmx : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Insert<ushort>.Apply(a, b, (byte)(control & 3));
    }

    /// <summary>PEXTRB/W/D/Q, EXTRACTPS: the named element, zero-extended.</summary>
    internal readonly struct Extract<T> : IVectorOp
    {
        public static V Apply(V a, V b, byte control) =>
            Vector128.CreateScalar(b.As<byte, T>().GetElement(control & (Vector128<T>.Count - 1))).AsByte();
    }

    /// <summary>PEXTRW on MMX registers.</summary>
    internal readonly struct ExtractMmx : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Extract<ushort>.Apply(a, b, (byte)(control & 3));
    }

    /// <summary>
    /// INSERTPS from a register:
    /// <code>
    ///  7 6       5 4            3    0
    ///  source    destination    clear
    /// </code>
    /// </summary>
    internal readonly struct InsertSingle : IVectorOp
    {
        public static V Apply(V a, V b, byte control) =>
            InsertSingleMemory.Apply(a, Extract<uint>.Apply(a, b, (byte)(control >> 6)), control);
    }

    /// <summary>INSERTPS from memory: the source is the one element.</summary>
    internal readonly struct InsertSingleMemory : IVectorOp
    {
        public static V Apply(V a, V b, byte control) =>
            Insert<uint>.Apply(a, b, (byte)(control >> 4 & 3)) & ~MaskOf<uint>(control);
    }

    /// <summary>BLENDPS, BLENDPD, PBLENDW: elements of the source where the immediate's bit is set.</summary>
    internal readonly struct Blend<T> : IVectorOp
        where T : unmanaged
    {
        public static V Apply(V a, V b, byte control) => Vector128.ConditionalSelect(MaskOf<T>(control), b, a);
    }

    /// <summary>Elements of all ones where a bit is set.</summary>
    private static unsafe V MaskOf<T>(byte bits)
        where T : unmanaged
    {
        // SAFETY: sizeof only.
        V tested = sizeof(T) switch
        {
            2 => Vector128.Create((ushort)1, 2, 4, 8, 16, 32, 64, 128).AsByte(),
            4 => Vector128.Create(1u, 2, 4, 8).AsByte(),
            _ => Vector128.Create(1ul, 2).AsByte(),
        };
        V all = sizeof(T) switch
        {
            2 => Vector128.Create((ushort)bits).AsByte(),
            4 => Vector128.Create((uint)bits).AsByte(),
            _ => Vector128.Create((ulong)bits).AsByte(),
        };
        return Vector128.Equals((all & tested).As<byte, T>(), tested.As<byte, T>()).AsByte();
    }
}
