using System.Globalization;
using System.Security.Cryptography;

namespace Vitrine.Network;

/// <summary>An Ethernet address: 48 bits, the first on the wire in bits 47 to 40.</summary>
/// <param name="Value">The bits.</param>
public readonly record struct MacAddress(ulong Value)
{
    /// <summary>Bytes of an address.</summary>
    public const int Length = 6;

    private const int Bits = 48;

    // IEEE 802, "I/G" and "U/L" bits of the first byte.
    private const ulong GroupBit = 1UL << 40;
    private const ulong LocalBit = 1UL << 41;

    /// <summary>The address of every card.</summary>
    public static MacAddress Broadcast => new((1UL << Bits) - 1);

    /// <summary>True for a group of cards, which no card may have as its own.</summary>
    public bool IsGroup => (Value & GroupBit) != 0;

    /// <summary>Reads one.</summary>
    /// <param name="source">At least 6 bytes.</param>
    public static MacAddress Read(ReadOnlySpan<byte> source)
    {
        ulong value = 0;
        foreach (byte part in source[..Length]) value = value << 8 | part;
        return new MacAddress(value);
    }

    /// <summary>A random address for one card, from those that anyone may use locally.</summary>
    public static MacAddress CreateLocal()
    {
        Span<byte> bytes = stackalloc byte[Length];
        RandomNumberGenerator.Fill(bytes);
        return new MacAddress((Read(bytes).Value | LocalBit) & ~GroupBit);
    }

    /// <summary>Reads the text form: six bytes in hexadecimal with colons between.</summary>
    /// <param name="text">The text, such as "52:54:00:12:34:56".</param>
    /// <param name="address">The address.</param>
    public static bool TryParse(ReadOnlySpan<char> text, out MacAddress address)
    {
        address = default;
        const int TextLength = Length * 3 - 1;
        if (text.Length != TextLength) return false;
        ulong value = 0;
        for (int at = 0; at < TextLength; at += 3)
        {
            if (!byte.TryParse(text.Slice(at, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte part)) return false;
            if (at + 2 < TextLength && text[at + 2] != ':') return false;
            value = value << 8 | part;
        }

        address = new MacAddress(value);
        return true;
    }

    /// <summary>Writes it.</summary>
    /// <param name="destination">At least 6 bytes.</param>
    public void Write(Span<byte> destination)
    {
        for (int at = 0; at < Length; at++) destination[at] = (byte)(Value >> (Bits - 8 - 8 * at));
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{(byte)(Value >> 40):x2}:{(byte)(Value >> 32):x2}:{(byte)(Value >> 24):x2}:{(byte)(Value >> 16):x2}:{(byte)(Value >> 8):x2}:{(byte)Value:x2}");
}
