using System.Diagnostics;
using System.Text.RegularExpressions;
using Xunit;

namespace Vitrine.Tests.Documentation;

/// <summary>./test: which programs it runs, and what it says on a machine that lacks what it needs.</summary>
public sealed partial class TestCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-path-").FullName;

    [Fact]
    public void WithoutTheSdkItNamesTheSdk()
    {
        foreach (string tool in (string[])["bash", "dirname", "readlink"]) File.CreateSymbolicLink(Path.Combine(_folder, tool), $"/usr/bin/{tool}");
        (int status, string output, string errors) = Run();
        string[] lines = output.TrimEnd().Split('\n');
        Assert.Equal("", errors);
        Assert.Equal(2, lines.Length);
        Assert.Contains("The .NET 10 SDK is not installed", lines[0], StringComparison.Ordinal);
        Assert.Equal("0 passed, 1 failed, 0 skipped", lines[1]);
        Assert.Equal(1, status);
    }

    [Fact]
    public void ItRunsEveryTestProgram()
    {
        IEnumerable<string> programs = Directory.GetFiles(Path.Combine(RepositoryRoot.Path, "tests"), "Vitrine.Tests.*.csproj", SearchOption.AllDirectories)
            .Select(path => Path.GetFileNameWithoutExtension(path)["Vitrine.Tests.".Length..]);
        string listed = Programs().Match(File.ReadAllText(Path.Combine(RepositoryRoot.Path, "test"))).Groups[1].Value;
        Assert.Equal(programs.Where(name => name != "Support").Order(), listed.Split(' ').Order());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private (int Status, string Output, string Errors) Run()
    {
        ProcessStartInfo start = new("/bin/bash", [Path.Combine(RepositoryRoot.Path, "test")]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment.Clear();
        start.Environment["PATH"] = _folder;
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }

    [GeneratedRegex(@"^programs=\((.*)\)$", RegexOptions.Multiline)]
    private static partial Regex Programs();
}
