using System.Globalization;
using System.Text.RegularExpressions;

namespace Vitrine.Tests.State;

/// <summary>What may have happened to a saved state in a file.</summary>
internal static partial class JsonDamage
{
    // Values at which fields tend to break.
    private static readonly string[] s_values =
        ["-1", "0", "1", "7", "8", "16", "17", "127", "128", "255", "256", "65535", "65536", "2147483647", "-2147483648", "9223372036854775807",
            "-9223372036854775808", "18446744073709551615", "1e300", "0.5", "null", "true", "\"\"", "\"AAAA\"", "[]", "{}", "[1]"];

    /// <summary>The text with one value replaced, or a few characters.</summary>
    public static string Apply(string json, Random random)
    {
        MatchCollection values = Values().Matches(json);
        if (values.Count > 0 && random.Next(4) != 0)
        {
            Group value = values[random.Next(values.Count)].Groups[1];
            return json[..value.Index] + s_values[random.Next(s_values.Length)] + json[(value.Index + value.Length)..];
        }

        char[] text = json.ToCharArray();
        for (int i = random.Next(3); i >= 0; i--) text[random.Next(text.Length)] = "0159-\"{}[],:"[random.Next(12)];
        return new string(text);
    }

    /// <summary>The text with one number replaced by a power of two, or by one less or its negative: for each number and each power of 64 bits.</summary>
    public static IEnumerable<string> Extremes(string json)
    {
        foreach (Match match in Values().Matches(json))
        {
            Group value = match.Groups[1];
            if (value.ValueSpan[0] is not ('-' or (>= '0' and <= '9'))) continue;
            for (int power = 0; power < 64; power++)
            {
                Int128 number = Int128.One << power;
                foreach (Int128 extreme in (Int128[])[number, number - 1, -number])
                    yield return $"{json.AsSpan(0, value.Index)}{extreme.ToString(CultureInfo.InvariantCulture)}{json.AsSpan(value.Index + value.Length)}";
            }
        }
    }

    [GeneratedRegex("""[:\[,]\s*(-?\d+|true|false|"[^"]*"(?!:))""")]
    private static partial Regex Values();
}
