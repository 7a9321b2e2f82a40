using System.Text.Json;
using Vitrine.Tests.Explain.EntryDumps;
using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>vitrine check-entry: what it prints and its exit status.</summary>
public sealed class CheckEntryTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    [Fact]
    public void A_dump_that_enters_ends_with_status_zero()
    {
        (int status, string output, string errors) = Run(SampleDumps.Vmcs6);
        Assert.Equal(0, status);
        Assert.Equal("", errors);
        Assert.StartsWith("No check fails on a VMCS as Linux prints it.", output, StringComparison.Ordinal);
        Assert.Contains("the dump doesn't have 'VMCS link pointer': guest.link-pointer.", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failing_check_is_told_with_section_value_and_cause()
    {
        (int status, string output, string errors) = Run(SampleDumps.Vmcs4);
        Assert.Equal(88, status);
        Assert.Equal("", errors);
        foreach (string part in (string[])
        [
            "guest.cs.base.vm86", "SDM vol. 3, 26.3.1.2", "exit reason 0x80000021", "Here Guest CS base = 0xffff0000.", "Usual cause: ", " checks passed, 1 failed, ",
        ])
        {
            Assert.Contains(part, output, StringComparison.Ordinal);
        }

        Assert.All(output.Split('\n'), line => Assert.InRange(line.Length, 0, 100));
    }

    [Fact]
    public void All_lists_every_check()
    {
        (_, string brief, _) = Run(SampleDumps.Vmcb6);
        (_, string all, _) = Run(SampleDumps.Vmcb6, "--all");
        Assert.DoesNotContain("control.iopm-base", brief, StringComparison.Ordinal);
        foreach (string id in (string[])["control.iopm-base", "guest.long-mode.code", "control.asid"]) Assert.Contains(id, all, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_says_the_same()
    {
        (int status, string output, _) = Run(SampleDumps.Vmcs4, "--format", "json");
        Assert.Equal(88, status);
        using JsonDocument document = JsonDocument.Parse(output);
        Assert.Equal("vitrine.entry-check/1", document.RootElement.GetProperty("schema").GetString());
        Assert.False(document.RootElement.GetProperty("enters").GetBoolean());
        JsonElement failed = document.RootElement.GetProperty("checks").EnumerateArray().Single(check => check.GetProperty("outcome").GetString() == "failed");
        Assert.Equal("guest.cs.base.vm86", failed.GetProperty("id").GetString());
        Assert.Equal("0xffff0000", failed.GetProperty("value").GetString());
    }

    public void Dispose() => File.Delete(_file);

    private (int Status, string Output, string Errors) Run(string dump, params string[] options)
    {
        File.WriteAllText(_file, dump);
        return VitrineCommand.Run(["check-entry", _file, .. options]);
    }
}
