using System.Globalization;
using Vitrine.X86.VmEntry;

namespace Vitrine.Explain.EntryDumps;

/// <summary>Turns texts of a dump into field values, with the checks that a damaged file needs.</summary>
internal static class FieldReader
{
    private const int MostDigits = 16;

    /// <summary>What a value is written with behind 0x.</summary>
    public static string Digits(string text) => text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text[2..] : text;

    /// <summary>
    /// True for a value that has fewer digits than its printer writes, and nothing but digits: the line was cut off in it. printf's %08x pads with zeros,
    /// so that the value itself can't be the reason.
    /// </summary>
    public static bool IsCut(string text, int digits) => Digits(text) is var found && found.Length < digits && found.All(char.IsAsciiHexDigit);

    /// <summary>The digits of a value that is printed with 8 or with 16, by a printer that isn't known to be of one kind.</summary>
    public static int EightOrSixteen(string text) => Digits(text).Length > 8 ? 16 : 8;

    /// <summary>What is missing of a dump in which a value is cut off.</summary>
    public static string Rest(int line, string name, string text) => $"the end of '{text}' for {name} in line {line}";

    /// <summary>Reads a hexadecimal number, with or without 0x.</summary>
    public static ulong Hexadecimal(string file, int line, string name, string text)
    {
        string digits = Digits(text);
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
