using System.Globalization;

namespace Vitrine.Explain.Text;

/// <summary>Numbers as the manuals write them.</summary>
internal static class Hex
{
    /// <summary>"0x1f".</summary>
    public static string Of(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");

    /// <summary>All 16 digits.</summary>
    public static string Wide(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x16}");

    /// <summary>Bytes with spaces between: "ea 5b e0".</summary>
    public static string Spaced(string digits)
    {
        string[] pairs = new string[digits.Length / 2];
        for (int i = 0; i < pairs.Length; i++) pairs[i] = digits.Substring(i * 2, 2);
        return string.Join(' ', pairs);
    }

    /// <summary>A size in the largest unit that divides it.</summary>
    public static string Size(ulong bytes) => bytes switch
    {
        >= 1UL << 30 when bytes % (1UL << 30) == 0 => $"{bytes >> 30} GiB",
        >= 1UL << 20 when bytes % (1UL << 20) == 0 => $"{bytes >> 20} MiB",
        >= 1UL << 10 when bytes % (1UL << 10) == 0 => $"{bytes >> 10} KiB",
        _ => $"{bytes} bytes",
    };
}
