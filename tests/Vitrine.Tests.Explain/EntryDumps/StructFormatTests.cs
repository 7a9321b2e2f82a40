using Vitrine.Errors;
using Vitrine.Explain.EntryDumps;
using Xunit;

namespace Vitrine.Tests.Explain.EntryDumps;

/// <summary>Structures in gdb's output formats: the same numbers in each, or an error where a format leaves out what is needed.</summary>
public sealed class StructFormatTests
{
    private const string File = "log.txt";

    public static TheoryData<string> Complete =>
    [
        GdbFormats.Signed, GdbFormats.Octal, GdbFormats.Binary, GdbFormats.Padded, GdbFormats.Addresses, GdbFormats.Unsigned.ReplaceLineEndings(" "),
    ];

    // A change of what gdb prints, and the fields that it must give.
    public static TheoryData<string, string, string, string, ulong> Values => new()
    {
        { GdbFormats.Signed, "cs = {base = 0,", "cs = {base = -4096,", "guest.cs.base", 0xFFFF_FFFF_FFFF_F000 },
        { GdbFormats.Signed, "limit = 103", "limit = -2147483648", "guest.tr.limit", 0x8000_0000 },
        { GdbFormats.Signed, "selector = 64", "selector = -8", "guest.tr.selector", 0xFFF8 },
        { GdbFormats.Signed, "limit = 127", "limit = -1", "guest.gdtr.limit", 0xFFFF },
        { GdbFormats.Octal, "cr0 = 020001200063", "cr0 = 020000600063", "guest.cr0", 0x8003_0033 },
        { GdbFormats.Octal, "cs = {base = 0,", "cs = {base = 01777777777777777777777,", "guest.cs.base", ulong.MaxValue },
        { GdbFormats.Addresses, "rip = 0x1000", "rip = 0x1000 <start<int>(cr0: 5, cr4=7)+4>", "guest.rip", 0x1000 },
        { GdbFormats.Addresses, "cr3 = 0x100000", "cr3 = 0x100000 <operator=(page const&)+16>", "guest.cr3", 0x10_0000 },
        { GdbFormats.Unsigned, "rip = 4096", "rip = 39 '\\'', rip = 4096", "guest.rip", 0x1000 },
    };

    // A change of what gdb prints, and what the error must name.
    public static TheoryData<string, string, string, string[]> Errors => new()
    {
        { GdbFormats.Characters, "", "", ["cs.selector", "print/c", "16 bits"] },
        { GdbFormats.Floating, "", "", ["cs.limit", "'-nan'", "print/f"] },
        { GdbFormats.Unsigned, "cs = {base = 0,", "cs = {base = 1.5,", ["cs.base", "'1.5'", "print/x"] },
        { GdbFormats.Unsigned, "cr4 = 1712", "cr4 = 1e+20", ["cr4", "'1e+20'", "print/f"] },
        { GdbFormats.Unsigned, "cr4 = 1712", "cr4 = 2.5e-310", ["cr4", "'2.5e-310'"] },
        { GdbFormats.Unsigned, "cr4 = 1712", "cr4 = inf", ["cr4", "'inf'"] },
        { GdbFormats.Unsigned, "cr4 = 1712", "cr4 = 01712", ["cr4", "octal or decimal"] },
        { GdbFormats.Octal, "cr4 = 03260", "cr4 = 03280", ["cr4", "an octal number"] },
        { GdbFormats.Octal, "cr4 = 03260", "cr4 = 03777777777777777777777", ["cr4", "64 bits"] },
        { GdbFormats.Signed, "selector = 64", "selector = -32769", ["tr.selector", "16 bits"] },
        { GdbFormats.Signed, "cs = {base = 0,", "cs = {base = -9223372036854775809,", ["cs.base"] },
        { GdbFormats.Signed, "unusable = 1", "unusable = -1", ["fs.unusable", "1 bits"] },
        {
            GdbFormats.Binary, "rsp = 1111111111111111111111111111111111111111111111111111111000000000,", "rsp = 10,",
            ["rsp", "binary or decimal"]
        },
    };

    [Theory]
    [MemberData(nameof(Complete))]
    public void EveryFormatThatShowsAllGivesTheSameFields(string print) => Assert.Equal(Fields(GdbFormats.Unsigned), Fields(print));

    // The registers of these samples are those that QEMU's sample has, but for the general ones.
    [Fact]
    public void TheFieldsAreThoseThatQemuShows()
    {
        HashSet<string> other = ["guest.rip", "guest.rsp", "guest.dr7"];
        Assert.Equal(
            Fields(RegisterSamples.Qemu64).Where(field => !other.Contains(field.Key)),
            Fields(GdbFormats.Unsigned).Where(field => !other.Contains(field.Key)));
    }

    [Theory]
    [MemberData(nameof(Values))]
    public void ANumberIsReadInItsFormat(string print, string valid, string change, string field, ulong expected) =>
        Assert.Contains((field, (ulong?)expected), Fields(Change(print, valid, change)));

    [Theory]
    [MemberData(nameof(Errors))]
    public void WhatCannotBeToldIsAnErrorThatNamesTheMember(string print, string valid, string change, string[] named)
    {
        VitrineException error = Assert.Throws<VitrineException>(() => EntryDumpReader.Read(File, Change(print, valid, change)));
        Assert.Equal(ErrorKind.User, error.Kind);
        Assert.All(named, part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
    }

    private static List<(string Key, ulong? Value)> Fields(string text) =>
        [.. EntryDumpReader.Read(File, text).Area.Values.Select(value => (value.Field.Key, value.Value))];

    private static string Change(string print, string valid, string change)
    {
        if (valid.Length == 0) return print;
        string line = string.Join(' ', print.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(valid, line, StringComparison.Ordinal);
        int at = line.IndexOf(valid, StringComparison.Ordinal);
        return line[..at] + change + line[(at + valid.Length)..];
    }
}
