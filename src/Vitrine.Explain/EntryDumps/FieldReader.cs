using System.Globalization;
using Vitrine.X86.VmEntry;

namespace Vitrine.Explain.EntryDumps;

/// <summary>Turns texts of a dump into field values, with the checks that a damaged file needs.</summary>
internal static class FieldReader
{
    private const int MostDigits = 16;

    /// <summary>Reads a hexadecimal number, with or without 0x.</summary>
    public static ulong Hexadecimal(string file, int line, string name, string text)
    {
        string digits = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text[2..] : text;
        if (digits.Length > MostDigits) throw DumpErrors.TooLarge(file, line, name, text, 64);
        return ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value)
            ? value
            : throw DumpErrors.NotANumber(file, line, name, text, "a hexadecimal number");
    }

    /// <summary>Reads a decimal number, not negative.</summary>
    public static ulong Decimal(string file, int line, string name, string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value)
            ? value
            : throw DumpErrors.NotANumber(file, line, name, text, "a decimal number that isn't negative");

    /// <summary>Checks that a value fits its field.</summary>
    public static void CheckWidth(string file, int line, EntryField field, ulong value, string text)
    {
        if (value > field.Maximum) throw DumpErrors.TooLarge(file, line, field.Name, text, field.Bits);
    }
}
