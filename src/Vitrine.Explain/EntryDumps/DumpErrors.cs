using Vitrine.Errors;
using Vitrine.X86.VmEntry;

namespace Vitrine.Explain.EntryDumps;

/// <summary>What can be wrong with a dump, each naming the line and what was expected.</summary>
internal static class DumpErrors
{
    private const string Again = "Take the dump again where it was printed, from its first line to its last.";

    public static VitrineException NotANumber(string file, int line, string name, string text, string expected) => VitrineException.User(
        ErrorCode.DumpNumber,
        $"Line {line} of {file} has '{Shorten(text)}' for {name}, where {expected} is expected.",
        "The line is probably damaged, or cut off in its middle.",
        Again).With("file", file).With("line", line);

    public static VitrineException TooLarge(string file, int line, string name, string text, int bits) => VitrineException.User(
        ErrorCode.DumpNumber,
        $"Line {line} of {file} has '{Shorten(text)}' for {name}, which has {bits} bits.",
        "The line is probably damaged, or two lines have run together.",
        Again).With("file", file).With("line", line);

    public static VitrineException Notation(string file, int line, string name, string text, string problem, string why) => VitrineException.User(
        ErrorCode.DumpNumber,
        $"Line {line} of {file} has '{Shorten(text)}' for {name}, {problem}.",
        $"gdb's {why}",
        "Print the structure with print/x.").With("file", file).With("line", line);

    public static VitrineException Twice(string file, int line, string name) => VitrineException.User(
        ErrorCode.DumpTwice,
        $"Line {line} of {file} gives {name} a second time, with another value.",
        "The dumps of two processors have probably run together in the log.",
        "Cut one of them out and check it by itself.").With("file", file).With("line", line);

    public static VitrineException CutOff(string file, int line, string kind, string missing) => VitrineException.User(
        ErrorCode.DumpCutOff,
        $"The {kind} dump that begins in line {line} of {file} is cut off: {missing} is missing.",
        "The log has probably wrapped, or only a part of it was copied.",
        Again).With("file", file).With("line", line);

    public static VitrineException UnknownLayout(string file) => VitrineException.User(
        ErrorCode.DumpUnknown,
        $"'{file}' has no dump of a VMCS or VMCB ('*** Guest State ***', 'VMCB Control Area:'), of QEMU's registers ('EAX=') or struct kvm_sregs, and isn't JSON.",
        "The kernel prints a VMCS or VMCB only when its module has dump_invalid_vmcs=1 (kvm_intel) or dump_invalid_vmcb=1 (kvm_amd).",
        "Set it in /sys/module/kvm_intel/parameters or kvm_amd, let the entry fail again, and give the output of dmesg.").With("file", file);

    public static VitrineException OnlyAnnounced(string file, RunEnd end) => VitrineException.User(
        ErrorCode.DumpOnlyAnnounced,
        $"'{file}' has no dump of registers, only the message with {end.Code}. {string.Join(' ', end.Sentences)}",
        "The lines after the message were probably not copied.",
        "Give QEMU's output from the message to 'Code=', or the kernel's log with dump_invalid_vmcs=1 (kvm_intel) or dump_invalid_vmcb=1 (kvm_amd).").With("file", file);

    public static VitrineException Binary(string file) => VitrineException.User(
        ErrorCode.DumpBinary,
        $"'{file}' is a binary file, where text is expected.",
        "It is probably a memory dump, compressed, or UTF-16 without the mark at its beginning.",
        "Give the kernel's log as text, or Vitrine's JSON.").With("file", file);

    public static VitrineException TooLong(string file, int limit) => VitrineException.User(
        ErrorCode.DumpTooLong,
        $"'{file}' is longer than {limit >> 20} MiB.",
        "It is probably a whole system log, or no text at all.",
        "Cut the dump out of it, as with 'dmesg | tail -n 200'.").With("file", file).With("maximum", limit);

    public static VitrineException Json(string file, long line, string problem) => VitrineException.User(
        ErrorCode.DumpJson,
        $"Line {line} of {file} is no valid entry state: {Clean(problem)}.",
        "The file was probably edited by hand, or written by another version.",
        "Compare it with docs/entry-checks.md, which describes the form.").With("file", file).With("line", line);

    public static VitrineException JsonNumber(string file, long line, EntryField field, string text) =>
        Json(file, line, $"\"{field.Key}\" is '{Shorten(text)}', where a hexadecimal number of at most {field.Bits} bits is expected");

    /// <summary>A value that is shown in a message, without what would spoil a terminal or a line.</summary>
    private static string Shorten(string text)
    {
        string clean = Clean(text.Length > 40 ? text[..40] : text);
        return text.Length > 40 ? clean + "..." : clean;
    }

    private static string Clean(string text) => string.Create(text.Length, text, static (clean, text) =>
    {
        for (int i = 0; i < clean.Length; i++) clean[i] = char.IsControl(text[i]) ? '?' : text[i];
    });
}
