using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>Where output goes: what must not be overwritten by it, and what is said where it can't go.</summary>
public sealed class OutputPlaceTests : IDisposable
{
    // mov cx,3; again: mov dx,3f8; mov al,'A'; out dx,al; mov dx,402; mov al,'B'; out dx,al; loop again; mov al,42; out 0f4,al
    private const string Guest = "B90300BAF803B041EEBA0204B042EEE2F2B02AE6F4";

    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-test").FullName;

    public OutputPlaceTests() => File.WriteAllBytes(Path.Combine(_folder, "guest"), Convert.FromHexString(Guest));

    [Theory]
    [InlineData("run", "--serial file:other")]
    [InlineData("run", "--debugcon file:./guest")]
    [InlineData("explain", "-o other")]
    public void WhatTheGuestIsLoadedFromStays(string command, string output)
    {
        (int status, _, string errors) = Run($"ln -s guest other; exec \"$VITRINE\" {command} {Machine} {output}");
        Assert.Contains("would overwrite what the guest is loaded from", errors, StringComparison.Ordinal);
        Assert.Equal(64, status);
        Assert.Equal(Guest, Convert.ToHexString(File.ReadAllBytes(Path.Combine(_folder, "guest"))));
    }

    [Theory]
    [InlineData("--serial file:log --debugcon file:log", "cat log")]
    [InlineData("--serial file:log --debugcon file:$PWD/log", "cat log")]
    [InlineData("--serial stdio --debugcon stdio", ":")]
    public void TwoPortsShareAPlaceAndKeepTheirOrder(string places, string show)
    {
        (int status, string output, _) = Run($"\"$VITRINE\" run {Machine} {places}; status=$?; {show}; exit $status");
        Assert.Equal((85, "ABABAB"), (status, output));
    }

    [Fact]
    public void ADashIsStandardOutput()
    {
        (int status, string output, string errors) = Run($"exec \"$VITRINE\" explain {Machine} -o -");
        Assert.Equal((0, ""), (status, errors));
        Assert.Contains("The first instruction has been executed.", output, StringComparison.Ordinal);
        Assert.Equal(["guest"], Directory.GetFiles(_folder).Select(Path.GetFileName));
    }

    [Fact]
    public void ThatTheCurrentFolderIsDeletedIsSaid()
    {
        string machine = Machine.Replace("guest@", $"{_folder}/guest@", StringComparison.Ordinal);
        (int status, _, string errors) = Run($"mkdir gone; cd gone; rmdir ../gone; exec \"$VITRINE\" explain {machine} -o story");
        Assert.Contains("'story' can't be written: the current folder does not exist any more.", errors, StringComparison.Ordinal);
        Assert.Equal(64, status);
    }

    [Fact]
    public void APlaceThatIsFullIsNamed()
    {
        (int status, _, string errors) = Run($"exec \"$VITRINE\" explain {Machine} -o /dev/full");
        Assert.Contains("'/dev/full' can't be written to its end", errors, StringComparison.Ordinal);
        Assert.Equal(72, status);
    }

    // The longest time that can be given is one that can be waited for.
    [Theory]
    [InlineData("run", "--timeout 2073600", 85)]
    [InlineData("translate", "--gva 0 --after 2073600 -o /dev/null", 0)]
    public void TheLongestTimeCanBeWaitedFor(string command, string time, int expected)
    {
        (int status, _, string errors) = Run($"exec \"$VITRINE\" {command} {Machine} {time}");
        Assert.True(status == expected, errors);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string Machine => "--flat guest@0x7c00 --mode real --accel soft --soft interpreter";

    private (int Status, string Output, string Errors) Run(string script) => VitrineCommand.RunInShell($"cd {_folder}; {script}");
}
