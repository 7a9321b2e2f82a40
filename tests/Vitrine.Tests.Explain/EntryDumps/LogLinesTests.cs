using System.Text;
using Vitrine.Errors;
using Vitrine.Explain.EntryDumps;
using Xunit;

namespace Vitrine.Tests.Explain.EntryDumps;

/// <summary>Encodings, line ends and spaces that other systems, mails and web pages leave in a log.</summary>
public sealed class LogLinesTests
{
    private static readonly string[] s_dumps =
        [SampleDumps.Vmcs6, SampleDumps.Vmcb6, SampleDumps.Xen, RegisterSamples.Qemu64, RegisterSamples.GdbPretty];

    public static TheoryData<string, string> Changes => new()
    {
        { "\n", "\r\n" },
        { "\n", "\r" },
        { "\n", "<br>" },
        { "\n", "<br>\n" },
        { "\n", "<BR />\r\n" },
        { "\n", "<br/>" },
        { " ", "\u00A0" },
        { " ", "&nbsp;" },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public void ADumpReadsTheSameWithOtherLineEndsAndSpaces(string plain, string other)
    {
        foreach (string text in s_dumps) AssertSame(text, Encoding.UTF8.GetBytes(text.Replace(plain, other, StringComparison.Ordinal)));
    }

    [Fact]
    public void ADumpReadsTheSameInUtf16()
    {
        foreach (string text in s_dumps)
        {
            foreach (Encoding encoding in (Encoding[])[Encoding.Unicode, Encoding.BigEndianUnicode, Encoding.UTF8])
                AssertSame(text, [.. encoding.GetPreamble(), .. encoding.GetBytes(text)]);
        }
    }

    // What a host that crashed leaves of the last block of its log, and a web page around it.
    [Theory]
    [InlineData("", "\0\0\0\0\0\0\0")]
    [InlineData("", "\n\0\0\0")]
    [InlineData("\0\0\0", "\n\0\0\0\0Sep  6 21:56:48 host kernel: Linux version 6.1\n")]
    [InlineData("<pre>", "</pre>")]
    [InlineData("<pre class=\"log\"><code>", "</code></pre>\n</div>")]
    public void ADumpReadsTheSameInItsSurroundings(string before, string after)
    {
        foreach (string text in s_dumps) AssertSame(text, Encoding.UTF8.GetBytes(before + text.TrimEnd() + after));
    }

    [Fact]
    public void Utf16WithoutItsMarkIsNamedInTheError()
    {
        VitrineException error = Assert.Throws<VitrineException>(
            () => EntryDumpReader.Read("log.txt", new MemoryStream(Encoding.Unicode.GetBytes(SampleDumps.Vmcs6))));
        Assert.Contains("UTF-16", error.Message, StringComparison.Ordinal);
    }

    // Whoever gave a debugger's output or JSON never saw a kernel's log.
    [Theory]
    [InlineData("gdb")]
    [InlineData("json")]
    public void AnErrorGivesNoAdviceForAnotherSource(string source)
    {
        string text = source == "gdb"
            ? RegisterSamples.Gdb.Replace("selector = 64", "selector = 65536", StringComparison.Ordinal)
            : """{"schema":"vitrine.entry/1","kind":"vmx","fields":{"guest.cs.selector":"0x10000"}}""";
        VitrineException error = Assert.Throws<VitrineException>(() => EntryDumpReader.Read("log.txt", text));
        Assert.Contains("16 bits", error.What, StringComparison.Ordinal);
        Assert.DoesNotContain("dmesg", error.Message, StringComparison.Ordinal);
    }

    private static void AssertSame(string text, byte[] bytes)
    {
        EntryDump plain = EntryDumpReader.Read("log.txt", text);
        EntryDump read = EntryDumpReader.Read("log.txt", new MemoryStream(bytes));
        Assert.Equal((plain.Format, plain.Line, plain.End.Code), (read.Format, read.Line, read.End.Code));
        Assert.Equal(plain.Findings, read.Findings);
        Assert.Equal(
            plain.Trials.SelectMany(trial => trial.Area.Values).Select(value => (value.Field.Key, value.Value)),
            read.Trials.SelectMany(trial => trial.Area.Values).Select(value => (value.Field.Key, value.Value)));
    }
}
