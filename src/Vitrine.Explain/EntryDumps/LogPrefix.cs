using System.Text.RegularExpressions;

namespace Vitrine.Explain.EntryDumps;

/// <summary>
/// What dmesg, journald, syslog, Xen, grep, a terminal, a mail or a web page adds to a line. The additions nest in any order ("&gt; Sep  6 21:56:48
/// host kernel: [ 1.5] kvm_intel: "), so that they are taken off one by one, as long as the line begins with one.
/// </summary>
internal static partial class LogPrefix
{
    private const int MostPrefixes = 16;

    /// <summary>The line without them.</summary>
    public static string Strip(string line)
    {
        string text = Clean(line).Trim();
        for (int i = 0; i < MostPrefixes; i++)
        {
            int length = Length(text);
            if (length == 0) break;
            text = text[length..].TrimStart();
        }

        return text;
    }

    // Colours may be in the midst of a line; a web page escapes the marks of a quotation, and of the instruction in QEMU's code bytes.
    private static string Clean(string line)
    {
        string text = line.Contains('[', StringComparison.Ordinal) ? Colours().Replace(line, "") : line;
        if (text.Contains('&', StringComparison.Ordinal))
        {
            text = text.Replace("&gt;", ">", StringComparison.Ordinal).Replace("&lt;", "<", StringComparison.Ordinal);
        }

        return text.Replace("\u200B", "", StringComparison.Ordinal);
    }

    private static int Length(string text)
    {
        Match time = Time().Match(text);
        if (time.Success) return time.Length + Origin().Match(text, time.Length).Length;
        Match bracket = Bracket().Match(text);
        if (bracket.Success) return bracket.Length + Origin().Match(text, bracket.Length).Length;
        Match other = Other().Match(text);
        return other.Success ? other.Length : Kernel().Match(text).Length;
    }

    // ESC[32m; as 'cat -v' shows it: ^[[32m; as rsyslog does: #033[32m.
    [GeneratedRegex(@"(?:\x1b|\^\[|#033)\[[0-9;]{0,12}[A-Za-z]")]
    private static partial Regex Colours();

    // No zone are the words that a line of a dump begins with.
    // "2021-09-06T21:56:48,850218+02:00", "Mon 2021-09-06 21:56:48 UTC", "Sep  6 21:56:48.850218", "Mo 6. Sep 21:56:48 2021", "1630958208.850218".
    [GeneratedRegex(
        @"^(?:(?:\p{L}{2,4}\.?,?\s+)?\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?" +
        @"(?:\s?(?:Z|(?!(?:[GIL]DTR|VMCB|KVM|EPT|TPR|TSC)\b|[A-Z]+\s+=)[A-Z]{3,5}|[+-]\d\d:?\d\d))?:?" +
        @"|(?:\p{L}{2,4}\.?,?\s+)?(?:\p{L}{3,5}\.?\s+\d{1,2}|\d{1,2}\.?\s+\p{L}{3,5}\.?)(?:\s+\d{4})?,?\s+\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:\s+\d{4})?" +
        @"|\d{9,10}\.\d{1,9}|\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)(?=\s|$)")]
    private static partial Regex Time();

    // "[  673.850218]", "[Mon Sep  6 21:56:48 2021]", "[  +0.000010]", "[Sep 6 21:56]", "[    T123]". No line of a dump begins with a bracket.
    [GeneratedRegex(@"^\[[^\[\]]{0,60}\]")]
    private static partial Regex Bracket();

    // Host and program after a time: "host kernel:", "host qemu-system-x86_64[123]:", "host vm@1.service[123]:".
    [GeneratedRegex(@"\G\s+(?!extra data)[^\s:=\[\]*()]{1,64}\s+[^\s:=\[\]*()]{1,64}(?:\[\d{1,10}\])?:(?=\s|$)")]
    private static partial Regex Origin();

    // Quotation; "<3>"; grep -n, with a file's name or without: "12:", "13-"; /dev/kmsg: "3,763,890123456,-;"; dmesg -x: "kern  :err   : "; Xen; a
    // container's log; docker compose: "qemu-1  | "; the module or program.
    [GeneratedRegex(
        @"^(?:[>|]|<\d{1,3}>|(?:[A-Za-z/.~][A-Za-z0-9_.~+/\-]{0,200}?[:\-])?\d{1,7}[:\-](?!\d\d-)" +
        @"|\d{1,3},\d{1,20},\d{1,20},[^;=]{1,40};|[a-z0-9]{1,10}\s*:\s*(?:emerg|alert|crit|err|warn|notice|info|debug)\s*:" +
        @"|\(XEN\)|\(d\d{1,5}\)|std(?:out|err) [FP](?=\s)|[A-Za-z0-9][A-Za-z0-9_.\-]{0,60}\s{1,30}\|(?=\s|$)" +
        @"|(?:kvm_intel|kvm_amd|kvm|SVM|kernel|qemu(?:-kvm|-system-[a-z0-9_]{1,16})?)\s?(?:\[\d{1,10}\])?:(?=\s|$))")]
    private static partial Regex Other();

    // Whatever else stands before the name of the kernel or its module, such as a time in a language not known here.
    [GeneratedRegex(@"^[^=]{0,120}?\b(?:kernel|kvm_intel|kvm_amd)(?:\[\d{1,10}\])?:(?=\s)")]
    private static partial Regex Kernel();
}
