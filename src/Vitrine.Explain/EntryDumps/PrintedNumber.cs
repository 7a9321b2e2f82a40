using System.Globalization;
using System.Text.RegularExpressions;

namespace Vitrine.Explain.EntryDumps;

/// <summary>
/// The number of a structure's member in one of gdb's output formats (gdb's manual, "Output Formats"), or as Rust's Debug prints it.
/// </summary>
/// <param name="Text">The number as it was printed.</param>
/// <param name="Line">Its line, from 1.</param>
/// <param name="HasCharacter">True where a character follows it.</param>
/// <param name="Notation">What the numbers of this print have in common.</param>
internal readonly partial record struct PrintedNumber(string Text, int Line, bool HasCharacter, PrintNotation Notation)
{
    private const int CharacterBits = 8;

    /// <summary>The value.</summary>
    /// <param name="file">Name of the file, for errors.</param>
    /// <param name="name">Name of the member, for errors.</param>
    /// <param name="bits">Bits of the member that hold the value; the member is of at least a byte.</param>
    /// <exception cref="Errors.VitrineException">It is no number, has more bits, or can't be told.</exception>
    public ulong Read(string file, string name, int bits)
    {
        if (HasCharacter && bits > CharacterBits)
        {
            throw DumpErrors.Notation(
                file, Line, name, Text, $"as a character, of a number of {bits} bits", "print/c shows the lowest 8 bits and no others.");
        }

        ulong value = Value(file, name, Math.Max(bits, CharacterBits));
        return bits < 64 && value >> bits != 0 ? throw DumpErrors.TooLarge(file, Line, name, Text, bits) : value;
    }

    private ulong Value(string file, string name, int width)
    {
        if (Text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)) return FieldReader.Hexadecimal(file, Line, name, Text);
        if (FloatingPoint().IsMatch(Text))
        {
            throw DumpErrors.Notation(
                file, Line, name, Text, "where an integer is expected", "print/f shows an integer's bits as a floating-point number.");
        }

        if (Text.StartsWith('-')) return Negative(file, name, width);
        if (PrintNotation.HasLeadingZero(Text))
        {
            return Notation.IsOctal ? Digits(file, name, 8) : throw DumpErrors.Notation(
                file,
                Line,
                name,
                Text,
                "which may be octal or decimal",
                "print/o puts a 0 before each number but 0, and here others have none.");
        }

        if (Notation.IsBinary == true) return Digits(file, name, 2);
        if (Notation.IsBinary is null && Text.Length > 1)
            throw DumpErrors.Notation(file, Line, name, Text, "which may be binary or decimal", "print/t puts no mark before a number.");
        return FieldReader.Decimal(file, Line, name, Text);
    }

    // print/d takes a member for signed: two's complement of its width.
    private ulong Negative(string file, string name, int width)
    {
        if (!long.TryParse(Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value))
            throw DumpErrors.NotANumber(file, Line, name, Text, "a decimal number");
        if (value < long.MinValue >> (64 - width)) throw DumpErrors.TooLarge(file, Line, name, Text, width);
        return (ulong)value & (ulong.MaxValue >> (64 - width));
    }

    private ulong Digits(string file, string name, uint radix)
    {
        UInt128 value = 0;
        foreach (char c in Text)
        {
            uint digit = (uint)(c - '0');
            if (digit >= radix) throw DumpErrors.NotANumber(file, Line, name, Text, radix == 8 ? "an octal number" : "a binary number");
            value = (value * radix) + digit;
            if (value > ulong.MaxValue) throw DumpErrors.TooLarge(file, Line, name, Text, 64);
        }

        return (ulong)value;
    }

    [GeneratedRegex(@"^-?(?:nan|inf|\d+\.\d+(?:e[+-]?\d+)?|\d+e[+-]?\d+)$")]
    private static partial Regex FloatingPoint();
}
