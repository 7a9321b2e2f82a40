using System.Globalization;
using System.Text.RegularExpressions;

namespace Vitrine.Explain.EntryDumps;

/// <summary>What QEMU, or Xen, prints before the registers: that an entry failed, or that KVM gave up, and with which number.</summary>
internal static partial class Announcement
{
    private const int MostData = 16;

    /// <summary>True for a line that may hold one, before its prefixes are taken off: cheap, for whole logs.</summary>
    public static bool MayHold(string line) =>
        line.Contains("hardware error", StringComparison.Ordinal) || line.Contains("Suberror", StringComparison.Ordinal) ||
        line.Contains("extra data", StringComparison.Ordinal) || line.Contains("unhandled exit", StringComparison.Ordinal) ||
        line.Contains("LAUNCH error", StringComparison.Ordinal) || line.Contains("RESUME error", StringComparison.Ordinal);

    /// <summary>Finds the last one in some lines.</summary>
    /// <returns>Null where there is none.</returns>
    public static RunEnd? Find(ReadOnlySpan<DumpLine> lines)
    {
        RunEnd? found = null;
        ulong suberror = 0;
        List<ulong?> data = [];
        foreach (DumpLine line in lines)
        {
            if (Refusal().Match(line.Text) is { Success: true } refusal)
            {
                found = RunEnd.OfHardwareError(Number(refusal.Groups["code"].Value));
            }
            else if (Suberror().Match(line.Text) is { Success: true } error)
            {
                suberror = ulong.Parse(error.Groups["code"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);
                data.Clear();
                found = InternalError.Describe(suberror, data);
            }
            else if (found?.Kind == RunEndKind.InternalError && ExtraData().Match(line.Text) is { Success: true } extra)
            {
                int index = int.Parse(extra.Groups["index"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);
                if (index >= MostData) continue;
                while (data.Count <= index) data.Add(null);
                data[index] = Number(extra.Groups["value"].Value);
                found = InternalError.Describe(suberror, data);
            }
        }

        return found;
    }

    // At most 16 hexadecimal digits: the patterns see to it.
    private static ulong Number(string digits) => ulong.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"(?:hardware error 0x|unhandled exit (?:0x)?|VM(?:LAUNCH|RESUME) error: (?:0x)?)(?<code>[0-9a-fA-F]{1,16})\b")]
    private static partial Regex Refusal();

    [GeneratedRegex(@"Suberror:\s*(?<code>\d{1,4})\b")]
    private static partial Regex Suberror();

    [GeneratedRegex(@"extra data\[(?<index>\d{1,2})\]:\s*(?:0x)?(?<value>[0-9a-fA-F]{1,16})\b")]
    private static partial Regex ExtraData();
}
