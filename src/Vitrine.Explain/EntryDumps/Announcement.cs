using System.Buffers;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Vitrine.Explain.EntryDumps;

/// <summary>What QEMU, or Xen, prints before the registers: that an entry failed, or that KVM gave up, and with which number.</summary>
internal static partial class Announcement
{
    private const int MostData = 16;

    // A mail may fold the message at each of its spaces: two lines around the one with a word of these have the others.
    private const int Around = 2;

    private static readonly SearchValues<string> s_words = SearchValues.Create(
        ["KVM: entry", "entry failed", "hardware", "Suberror", "data[", "unhandled", "VMLAUNCH", "VMRESUME"], StringComparison.OrdinalIgnoreCase);

    /// <summary>Finds the last one in some lines of a file, which may be a whole log: prefixes are taken off only where there may be one.</summary>
    /// <param name="lines">The file.</param>
    /// <param name="start">The first line to look at, from 0.</param>
    /// <param name="end">The line after the last.</param>
    /// <returns>Null where there is none.</returns>
    public static RunEnd? Find(string[] lines, int start, int end)
    {
        List<DumpLine> candidates = [];
        int next = start;
        for (int i = start; i < end; i++)
        {
            if (!lines[i].AsSpan().ContainsAny(s_words)) continue;
            for (next = Math.Max(next, i - Around); next < end && next <= i + Around; next++) candidates.Add(DumpLine.Parse(next + 1, lines[next]));
        }

        return Find(new DumpText([.. candidates]).Text);
    }

    private static RunEnd? Find(string text)
    {
        RunEnd? found = null;
        ulong suberror = 0;
        List<ulong?> data = [];
        foreach (Match match in Messages().Matches(text))
        {
            if (match.Groups["code"] is { Success: true } code)
            {
                found = RunEnd.OfHardwareError(Number(code));
            }
            else if (match.Groups["suberror"] is { Success: true } error)
            {
                suberror = ulong.Parse(error.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);
                data.Clear();
                found = InternalError.Describe(suberror, data);
            }
            else if (match.Groups["value"] is not { Success: true } value)
            {
                found = RunEnd.OfUnreadableError;
            }
            else if (found?.Kind == RunEndKind.InternalError)
            {
                int index = int.Parse(match.Groups["index"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);
                if (index >= MostData) continue;
                while (data.Count <= index) data.Add(null);
                data[index] = Number(value);
                found = InternalError.Describe(suberror, data);
            }
        }

        return found;
    }

    // At most 16 hexadecimal digits: the pattern sees to it.
    private static ulong Number(Group digits) => ulong.Parse(digits.ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    // A refusal counts though its number is cut off or damaged, but then its words must be QEMU's or Xen's: "[Hardware Error]" is the kernel's machine checks.
    [GeneratedRegex(
        @"(?:hardware\s{1,8}error\s{1,8}0x|\bunhandled\s{1,8}exit\s{1,8}(?:0x)?|\bVM(?:LAUNCH|RESUME)\s{1,8}error:\s{1,8}(?:0x)?)(?<code>[0-9a-f]{1,16})\b" +
        @"|(?:KVM:\s{0,8}|^)entry\s{1,8}failed\b(?!,?\s{1,8}hardware\s{1,8}error\s{1,8}0x[0-9a-f]{1,16}\b)" +
        @"|\bentry\s{1,8}failed,?\s{1,8}hardware\b(?!\s{1,8}error\s{1,8}0x[0-9a-f]{1,16}\b)" +
        @"|(?:KVM:\s{0,8}|^)unhandled\s{1,8}exit\b|\bVM(?:LAUNCH|RESUME)\s{1,8}error:" +
        @"|\bSuberror:\s{0,8}(?<suberror>\d{1,4})\b" +
        @"|\bextra\s{1,8}data\[(?<index>\d{1,2})\]:\s{0,8}(?:0x)?(?<value>[0-9a-f]{1,16})\b",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.Multiline)]
    private static partial Regex Messages();
}
