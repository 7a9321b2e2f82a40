using System.Numerics;
using System.Runtime.Intrinsics;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Vitrine.Accelerators.Software.Interpreter.Sse;

/// <summary>
/// The comparison of PCMPESTRI/M and PCMPISTRI/M (SDM vol. 2, 4.1 "Imm8 Control Byte Operation"):
/// <code>
///  imm8   6               5:4        3:2           1:0
///         last / mask     polarity   aggregation   ub uw sb sw
/// </code>
/// Bit j of a result belongs to element j of the second operand.
/// </summary>
/// <param name="Result">The final bits (IntRes2).</param>
/// <param name="Count">Elements in an operand: 8 or 16.</param>
/// <param name="FirstLength">Valid elements of the first operand.</param>
/// <param name="SecondLength">Valid elements of the second operand.</param>
internal readonly record struct StringComparison(uint Result, int Count, int FirstLength, int SecondLength)
{
    /// <summary>Elements per operand under an immediate.</summary>
    public static int ElementCount(byte control) => (control & 1) != 0 ? 8 : 16;

    /// <summary>Number of elements before the first zero one.</summary>
    public static int ImplicitLength(V text, byte control)
    {
        uint zeros = (control & 1) != 0
            ? Vector128.Equals(text.AsUInt16(), Vector128<ushort>.Zero).ExtractMostSignificantBits()
            : Vector128.Equals(text, V.Zero).ExtractMostSignificantBits();
        return Math.Min(BitOperations.TrailingZeroCount(zeros), ElementCount(control));
    }

    /// <summary>The length in a register: its magnitude, at most the number of elements.</summary>
    public static int ExplicitLength(long length, byte control) =>
        (int)Math.Min(length < 0 ? (ulong)-length : (ulong)length, (ulong)ElementCount(control));

    /// <summary>Compares.</summary>
    public static StringComparison Compare(V first, V second, int firstLength, int secondLength, byte control)
    {
        uint result = (control & 3) switch
        {
            0 => Aggregate<byte>(first, second, firstLength, secondLength, control),
            1 => Aggregate<ushort>(first, second, firstLength, secondLength, control),
            2 => Aggregate<sbyte>(first, second, firstLength, secondLength, control),
            _ => Aggregate<short>(first, second, firstLength, secondLength, control),
        };
        int count = ElementCount(control);
        uint inverted = (control >> 4 & 3) switch
        {
            1 => Ones(count),
            3 => Ones(secondLength),
            _ => 0,
        };
        return new StringComparison(result ^ inverted, count, firstLength, secondLength);
    }

    /// <summary>What the index forms leave in ECX.</summary>
    public uint Index(byte control)
    {
        if (Result == 0) return (uint)Count;
        return (control & 0x40) != 0 ? (uint)BitOperations.Log2(Result) : (uint)BitOperations.TrailingZeroCount(Result);
    }

    /// <summary>What the mask forms leave in XMM0: one bit per element, or whole elements.</summary>
    public V Mask(byte control)
    {
        if ((control & 0x40) == 0) return Vector128.CreateScalar(Result).AsByte();
        if (Count == 8)
        {
            Vector128<ushort> bits = Vector128.Create((ushort)1, 2, 4, 8, 16, 32, 64, 128);
            return Vector128.Equals(Vector128.Create((ushort)Result) & bits, bits).AsByte();
        }

        V bit = Vector128.Create((byte)1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128);
        V spread = Vector128.Create(Vector64.Create((byte)Result), Vector64.Create((byte)(Result >> 8)));
        return Vector128.Equals(spread & bit, bit);
    }

    private static uint Ones(int count) => (1u << count) - 1;

    private static uint Aggregate<T>(V first, V second, int firstLength, int secondLength, byte control)
    {
        Vector128<T> a = first.As<byte, T>();
        Vector128<T> b = second.As<byte, T>();
        uint all = Ones(Vector128<T>.Count);
        uint firstValid = Ones(firstLength);
        uint secondValid = Ones(secondLength);
        uint result = 0;
        switch (control >> 2 & 3)
        {
            case 0: // equal any: the element is one of a set
                for (int i = 0; i < firstLength; i++) result |= Bits(Vector128.Equals(b, Broadcast(a, i)));
                return result & secondValid;
            case 1: // ranges: the element is within one of several pairs of bounds
                for (int i = 0; i + 1 < firstLength; i += 2)
                {
                    result |= Bits(Vector128.GreaterThanOrEqual(b, Broadcast(a, i)) & Vector128.LessThanOrEqual(b, Broadcast(a, i + 1)));
                }

                return result & secondValid;
            case 2: // equal each: the strings agree here, or both have ended
                return (Bits(Vector128.Equals(a, b)) & firstValid & secondValid) | (all & ~firstValid & ~secondValid);
            default: // equal ordered: the first string begins here, as far as can be seen
                result = all;
                for (int i = 0; i < firstLength; i++)
                {
                    uint matches = Bits(Vector128.Equals(b, Broadcast(a, i))) & secondValid;
                    result &= (matches >> i) | (all & ~(all >> i));
                }

                return result;
        }
    }

    private static uint Bits<T>(Vector128<T> mask) => mask.ExtractMostSignificantBits();

    private static Vector128<T> Broadcast<T>(Vector128<T> vector, int element) => Vector128.Create(vector.GetElement(element));
}
