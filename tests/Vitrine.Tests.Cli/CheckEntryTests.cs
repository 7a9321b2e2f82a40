using System.Text.Json;
using Vitrine.Tests.Explain.EntryDumps;
using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>vitrine check-entry: what it prints and its exit status.</summary>
public sealed class CheckEntryTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    [Fact]
    public void ADumpThatEntersEndsWithStatusZero()
    {
        (int status, string output, string errors) = Run(SampleDumps.Vmcs6);
        Assert.Equal(0, status);
        Assert.Equal("", errors);
        Assert.StartsWith("No check fails on a VMCS as Linux prints it.", output, StringComparison.Ordinal);
        Assert.Contains("the dump doesn't have 'VMCS link pointer': guest.link-pointer.", output, StringComparison.Ordinal);
    }

    [Fact]
    public void AFailingCheckIsToldWithSectionValueAndCause()
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

    // Exit statuses: a refusal counts though no check shows it, and too little is no success.
    [Theory]
    [InlineData("KVM: entry failed, hardware error 0x80000021", 88, "contradiction")]
    [InlineData("KVM: entry failed, hardware\nerror 0x80000021", 88, "contradiction")]
    [InlineData("KVM: entry failed, hardware error 0xzz", 88, "can't be read")]
    [InlineData("KVM internal error. Suberror: 1", 0, "movaps")]
    [InlineData("", 0, "No check fails on a state as QEMU prints it.")]
    public void QemusRegistersAreJudged(string announcement, int expected, string contained)
    {
        (int status, string output, string errors) = Run($"{announcement}\n{RegisterSamples.Qemu64}");
        Assert.Equal((expected, ""), (status, errors));
        Assert.Contains(contained, output, StringComparison.Ordinal);
        Assert.All(output.Split('\n'), line => Assert.InRange(line.Length, 0, 100));
    }

    [Theory]
    [InlineData("Virtual processor ID = 0x0001", "Virtual processor ID = 0x000")]
    [InlineData("reason=0000000c", "reason=8000002")]
    public void AValueThatIsCutOffGivesNoVerdict(string valid, string cut)
    {
        (int status, string output, string errors) = Run(SampleDumps.Vmcs6.Replace(valid, cut, StringComparison.Ordinal));
        Assert.Equal((64, ""), (status, output));
        Assert.Contains("is cut off", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void TooLittleToJudgeEndsWithStatus64()
    {
        (int status, string output, _) = Run("""{"schema":"vitrine.entry/1","kind":"vmx","fields":{}}""");
        Assert.Equal(64, status);
        Assert.StartsWith("Too little to judge", output, StringComparison.Ordinal);
        (_, output, _) = Run("""{"schema":"vitrine.entry/1","kind":"vmx","fields":{}}""", "--format", "json");
        using JsonDocument document = JsonDocument.Parse(output);
        Assert.Equal(JsonValueKind.Null, document.RootElement.GetProperty("enters").ValueKind);
        Assert.Equal("too little", document.RootElement.GetProperty("verdict").GetString());
    }

    [Fact]
    public void JsonHasTheEndAndTheInstruction()
    {
        (int status, string output, _) = Run($"KVM: entry failed, hardware error 0xffffffff\n{RegisterSamples.Qemu64}", "--format", "json");
        Assert.Equal(88, status);
        using JsonDocument document = JsonDocument.Parse(output);
        Assert.Equal("unexplained", document.RootElement.GetProperty("verdict").GetString());
        Assert.False(document.RootElement.GetProperty("enters").GetBoolean());
        Assert.Equal("refused", document.RootElement.GetProperty("end").GetProperty("kind").GetString());
        Assert.Contains("movaps", document.RootElement.GetProperty("findings").ToString(), StringComparison.Ordinal);
        Assert.All(document.RootElement.GetProperty("checks").EnumerateArray(), check => Assert.Equal("AMD SVM, nested paging", check.GetProperty("mode").GetString()));
    }

    [Fact]
    public void AllListsEveryCheck()
    {
        (_, string brief, _) = Run(SampleDumps.Vmcb6);
        (_, string all, _) = Run(SampleDumps.Vmcb6, "--all");
        Assert.DoesNotContain("control.iopm-base", brief, StringComparison.Ordinal);
        foreach (string id in (string[])["control.iopm-base", "guest.long-mode.code", "control.asid"]) Assert.Contains(id, all, StringComparison.Ordinal);
    }

    [Fact]
    public void JsonSaysTheSame()
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
