using System.Runtime.Intrinsics;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Vitrine.Accelerators.Software.Interpreter.Sse.Operations;

/// <summary>
/// The steps of AES (FIPS 197) on a state of 16 bytes, column by column as in the vector: what stands behind AES-NI on
/// hosts without it.
/// </summary>
internal static class AesCipher
{
    private static readonly byte[] _sbox = BuildSbox();
    private static readonly byte[] _inverseSbox = Invert(_sbox);

    // Row r of column c is byte 4c + r; ShiftRows takes it from column c + r.
    private static V RowsShifted => Vector128.Create((byte)0, 5, 10, 15, 4, 9, 14, 3, 8, 13, 2, 7, 12, 1, 6, 11);

    private static V RowsShiftedBack => Vector128.Create((byte)0, 13, 10, 7, 4, 1, 14, 11, 8, 5, 2, 15, 12, 9, 6, 3);

    /// <summary>S-box of one byte.</summary>
    public static byte Substitute(byte value) => _sbox[value];

    /// <summary>ShiftRows, then SubBytes.</summary>
    public static V ShiftAndSubstitute(V state) => Map(Vector128.Shuffle(state, RowsShifted), _sbox);

    /// <summary>InvShiftRows, then InvSubBytes.</summary>
    public static V ShiftAndSubstituteBack(V state) => Map(Vector128.Shuffle(state, RowsShiftedBack), _inverseSbox);

    /// <summary>MixColumns: each byte becomes 2·x0 + 3·x1 + x2 + x3 of the bytes from it on down its column.</summary>
    public static V MixColumns(V state)
    {
        V next = Down(state);
        V opposite = Down(next);
        return Double(state ^ next) ^ next ^ opposite ^ Down(opposite);
    }

    /// <summary>InvMixColumns: 14·x0 + 11·x1 + 13·x2 + 9·x3.</summary>
    public static V MixColumnsBack(V state)
    {
        // (14 11 13 9) = (2 3 1 1) applied to (5 0 4 0): FIPS 197's matrices are inverse to each other.
        V square = Double(Double(state ^ Down(Down(state))));
        return MixColumns(state ^ square);
    }

    /// <summary>The column's bytes moved up by one, around.</summary>
    private static V Down(V state) =>
        Vector128.Shuffle(state, Vector128.Create((byte)1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12));

    /// <summary>Multiplication by x modulo x^8 + x^4 + x^3 + x + 1 in each byte.</summary>
    private static V Double(V state) =>
        (state << 1) ^ (Vector128.LessThan(state.AsSByte(), Vector128<sbyte>.Zero).AsByte() & Vector128.Create((byte)0x1B));

    private static V Map(V state, byte[] table)
    {
        V result = state;
        for (int i = 0; i < V.Count; i++) result = result.WithElement(i, table[state.GetElement(i)]);
        return result;
    }

    private static byte[] BuildSbox()
    {
        // 3 generates the multiplicative group and 0xF6 is its inverse: p runs through all x, q through 1/x.
        byte[] sbox = new byte[256];
        byte p = 1;
        byte q = 1;
        do
        {
            p = Multiply(p, 3);
            q = Multiply(q, 0xF6);
            sbox[p] = Affine(q);
        }
        while (p != 1);

        sbox[0] = Affine(0);
        return sbox;
    }

    private static byte Affine(byte x) => (byte)(x
        ^ byte.RotateLeft(x, 1) ^ byte.RotateLeft(x, 2) ^ byte.RotateLeft(x, 3) ^ byte.RotateLeft(x, 4) ^ 0x63);

    private static byte Multiply(byte a, byte b)
    {
        int product = 0;
        for (int shifted = a; b != 0; b >>= 1)
        {
            if ((b & 1) != 0) product ^= shifted;
            shifted = (shifted << 1) ^ ((shifted & 0x80) != 0 ? 0x11B : 0);
        }

        return (byte)product;
    }

    private static byte[] Invert(byte[] table)
    {
        byte[] inverse = new byte[table.Length];
        for (int i = 0; i < table.Length; i++) inverse[table[i]] = (byte)i;
        return inverse;
    }
}
