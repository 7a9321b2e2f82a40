using System.Globalization;

namespace Vitrine.Kvm.Trace;

/// <summary>Flags by their names.</summary>
internal static class Flags
{
    /// <summary>The names of those that are set, and what is left as a number; "0" for none.</summary>
    public static string Of(uint value, ReadOnlySpan<(uint Bit, string Name)> names)
    {
        if (value == 0) return "0";
        List<string> words = [];
        foreach ((uint bit, string name) in names)
        {
            if ((value & bit) == 0) continue;
            words.Add(name);
            value &= ~bit;
        }

        if (value != 0) words.Add("0x" + value.ToString("x", CultureInfo.InvariantCulture));
        return string.Join(" | ", words);
    }
}
