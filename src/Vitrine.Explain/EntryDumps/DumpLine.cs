using System.Text.RegularExpressions;

namespace Vitrine.Explain.EntryDumps;

/// <summary>One line of a kernel log, without what dmesg, syslog, journald or a mail put before it.</summary>
/// <param name="Number">The line's number in the file, from 1.</param>
/// <param name="Text">What the kernel printed, without the module's name.</param>
internal readonly partial record struct DumpLine(int Number, string Text)
{
    // The kernel cuts its lines at about 1000 characters; a longer one is no line of a log.
    private const int Longest = 1024;

    /// <summary>Takes the prefixes off.</summary>
    public static DumpLine Parse(int number, string line) =>
        new(number, line.Length > Longest ? "" : Prefixes().Replace(line, "", 1).TrimEnd());

    // Quotation of a mail; "Sep  6 21:56:48 host kernel: "; dmesg -x: "kern  :err   : "; "<3>"; "[  673.850218] ", with a caller "[    T123] "; the module.
    [GeneratedRegex(@"^[>\s]*(?:[^\[]{0,200}?\bkernel:\s*)?(?:kern\s*:\w+\s*:\s*)?(?:<\d+>)?(?:\[\s*\d+\.\d+\]\s*)?(?:\[\s*[TC]\d+\]\s*)?(?:(?:kvm_intel|kvm_amd|kvm|SVM):\s)?")]
    private static partial Regex Prefixes();
}
