using System.Globalization;
using Vitrine.Errors;

namespace Vitrine.Cli;

/// <summary>Sizes, addresses and times as they are written on the command line.</summary>
internal static class Numbers
{
    /// <summary>A size in bytes: a number, with K, M or G (also KiB, MB, ...) for powers of 1,024.</summary>
    /// <exception cref="VitrineException">It is none.</exception>
    public static ulong Size(string text, string option)
    {
        ReadOnlySpan<char> digits = text.AsSpan().Trim();
        int unit = digits.IndexOfAnyExceptInRange('0', '9');
        ReadOnlySpan<char> suffix = unit < 0 ? "" : digits[unit..].Trim();
        if (unit >= 0) digits = digits[..unit];
        int shift = Shift(suffix);
        if (shift < 0 || !ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) ||
            number > ulong.MaxValue >> shift)
        {
            throw VitrineException.User(
                CommandErrorCode.Arguments,
                $"{option} '{text}' is not a size.",
                "A size is a whole number of bytes, or a number with the unit K, M or G.",
                $"Give it like {option} 512M.");
        }

        return number << shift;
    }

    /// <summary>An address: decimal, or hexadecimal after 0x.</summary>
    /// <exception cref="VitrineException">It is none.</exception>
    public static ulong Address(string text, string option)
    {
        if (TryAddress(text, out ulong address)) return address;
        throw VitrineException.User(
            CommandErrorCode.Arguments,
            $"{option} '{text}' is not an address.",
            "An address is a decimal number, or a hexadecimal one that begins with 0x.",
            option.StartsWith('-') ? $"Give it like {option} 0x100000." : "Give it like 0x100000.");
    }

    /// <summary>The same for an address that is part of something.</summary>
    /// <returns>False when it is none.</returns>
    public static bool TryAddress(string text, out ulong address) => text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
        ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out address)
        : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out address);

    /// <summary>A whole number.</summary>
    /// <exception cref="VitrineException">It is none.</exception>
    public static int Count(string text, string option)
    {
        if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int count)) return count;
        throw VitrineException.User(
            CommandErrorCode.Arguments,
            $"{option} '{text}' is not a whole number.",
            "The value is probably mistyped, or belongs to another option.",
            $"Give it like {option} 1.");
    }

    /// <summary>A time in seconds, fractions allowed.</summary>
    /// <exception cref="VitrineException">It is none, or not positive, or longer than 24 days.</exception>
    public static TimeSpan Seconds(string text, string option)
    {
        // The framework waits for at most 2^31 - 1 ms, which is not a day more.
        const double Longest = 24 * 24 * 3600;
        if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) &&
            seconds is > 0 and <= Longest)
        {
            return TimeSpan.FromSeconds(seconds);
        }

        throw VitrineException.User(
            CommandErrorCode.Arguments,
            $"{option} '{text}' is not a time that can be waited for.",
            $"A time is a number of seconds above 0, and at most {Longest}.",
            $"Give it like {option} 60.");
    }

    /// <summary>A time in seconds as it is written here, without an exponent.</summary>
    public static string Show(TimeSpan time) => (time.Ticks / (decimal)TimeSpan.TicksPerSecond).ToString("0.#######", CultureInfo.InvariantCulture);

    private static int Shift(ReadOnlySpan<char> unit)
    {
        if (unit.IsEmpty || unit.Equals("B", StringComparison.OrdinalIgnoreCase)) return 0;
        ReadOnlySpan<char> rest = unit[1..];
        bool known = rest.IsEmpty || rest.Equals("B", StringComparison.OrdinalIgnoreCase) || rest.Equals("iB", StringComparison.OrdinalIgnoreCase);
        return !known ? -1 : char.ToUpperInvariant(unit[0]) switch { 'K' => 10, 'M' => 20, 'G' => 30, _ => -1 };
    }
}
