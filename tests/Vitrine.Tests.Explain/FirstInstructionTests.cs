using System.Diagnostics;
using Vitrine.Cli.Demo;
using Vitrine.Errors;
using Vitrine.Tests.Cli;
using Xunit;

namespace Vitrine.Tests.Explain;

/// <summary>
/// The cases of docs/first-instruction.md: each command is run, compared with its golden file, and with what the page shows of it. After a change of the
/// story's text, VITRINE_WRITE_GOLDEN=1 writes the golden files anew: read the difference before it is committed.
/// </summary>
public sealed class FirstInstructionTests : IDisposable
{
    private const string SeaBios = "/usr/share/seabios/bios-256k.bin";
    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-first-").FullName;

    public static TheoryData<int, string> Cases => new()
    {
        { 0, "reset-vector" },
        { 1, "linux-two-dimensional" },
        { 2, "linux-shadow" },
        { 3, "real-mode" },
        { 4, "wrong-cr3" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void ThePageShowsWhatTheCommandPrints(int box, string name)
    {
        (string[] commands, string[] shown) = FirstInstructionPage.Boxes()[box];
        foreach (string command in commands[..^1]) Shell(command);
        string[] arguments = commands[^1].Split(' ');
        Assert.Equal("./vitrine", arguments[0]);
        Prepare(arguments);
        (int status, string output, string errors) = Run(arguments[1..]);
        Assert.Equal("", errors);
        Assert.Equal(0, status);
        string[] lines = FirstInstructionPage.Stable(output);
        CompareWithGolden(name, lines);
        AssertShown(FirstInstructionPage.Stable(string.Join('\n', shown)), lines);
    }

    [Fact]
    public void EveryBoxOfThePageIsACase() => Assert.Equal(Cases.Count, FirstInstructionPage.Boxes().Count);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Prepare(string[] arguments)
    {
        if (arguments.Contains(SeaBios)) Assert.SkipUnless(File.Exists(SeaBios), "SeaBIOS is not installed (Debian package seabios)");
        if (!arguments.Contains("vmlinuz")) return;
        try
        {
            LinuxGuest guest = LinuxGuest.Get(LinuxGuest.DefaultFolder);
            File.CreateSymbolicLink(Path.Combine(_folder, "vmlinuz"), guest.Kernel);
        }
        catch (VitrineException error)
        {
            Assert.Skip($"no Linux kernel here: {error.What}");
        }
    }

    private void Shell(string command)
    {
        ProcessStartInfo start = new("/bin/bash", ["-c", command]) { WorkingDirectory = _folder };
        using Process process = Process.Start(start)!;
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    private (int Status, string Output, string Errors) Run(string[] arguments) => VitrineCommand.Run(arguments, folder: _folder);

    private static void CompareWithGolden(string name, string[] lines)
    {
        string path = Path.Combine(RepositoryRoot.Path, "tests", "Vitrine.Tests.Explain", "Golden", name + ".txt");
        if (Environment.GetEnvironmentVariable("VITRINE_WRITE_GOLDEN") is "1") File.WriteAllLines(path, lines);
        Assert.Equal(File.ReadAllLines(path), lines);
    }

    // What the page shows stands in the output in this order; "..." stands for lines that are left out.
    private static void AssertShown(string[] shown, string[] lines)
    {
        int at = 0;
        bool mayskip = true;
        foreach (string line in shown)
        {
            if (line == "...")
            {
                mayskip = true;
                continue;
            }

            int found = Array.IndexOf(lines, line, at);
            Assert.True(found >= 0, $"The output has no line like this behind line {at}: {line}");
            Assert.True(mayskip || found == at, $"The page leaves out lines before this one without saying so: {line}");
            at = found + 1;
            mayskip = false;
        }
    }
}
