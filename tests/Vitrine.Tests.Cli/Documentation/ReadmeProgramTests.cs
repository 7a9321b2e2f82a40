using System.Diagnostics;
using System.Text.RegularExpressions;
using Xunit;

namespace Vitrine.Tests.Documentation;

/// <summary>The program in README.md compiles as it is printed, and does what it says.</summary>
public sealed partial class ReadmeProgramTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    private readonly string _folder = Directory.CreateTempSubdirectory("vitrine-readme-").FullName;

    [Fact]
    public void TheProgramBootsTheDemosKernelToItsShellAndPowersItOff()
    {
        DemoFiles.LinkInto(_folder);
        File.WriteAllText(Path.Combine(_folder, "Program.cs"), Assert.Single(CSharp().Matches(ReadReadme())).Groups[1].Value);
        File.WriteAllText(Path.Combine(_folder, "Readme.csproj"), Project());
        (int built, string messages) = Run("build", "-v", "q", "--nologo", "-o", "out");
        Assert.True(built == 0, messages);
        (int status, string shown) = Run(Path.Combine("out", "Readme.dll"));
        Assert.Contains(DemoFiles.Prompt, shown, StringComparison.Ordinal);
        Assert.Equal(0, status);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string ReadReadme() => File.ReadAllText(Path.Combine(RepositoryRoot.Path, "README.md"));

    // What a console project has, and the library as it was built for these tests.
    private static string Project()
    {
        IEnumerable<string> libraries = Directory.GetFiles(AppContext.BaseDirectory, "Vitrine*.dll")
            .Where(path => Path.GetFileName(path) is not "Vitrine.Cli.dll" and var name && !name.StartsWith("Vitrine.Tests.", StringComparison.Ordinal))
            .Append(Path.Combine(AppContext.BaseDirectory, "Iced.dll"));
        return $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
              </PropertyGroup>
              <ItemGroup>
                {string.Concat(libraries.Select(path => $"<Reference Include=\"{path}\" />"))}
              </ItemGroup>
            </Project>
            """;
    }

    private (int Status, string Output) Run(params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", arguments) { WorkingDirectory = _folder, RedirectStandardOutput = true, RedirectStandardInput = true };
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"dotnet {string.Join(' ', arguments)} did not end within {Patience}.");
        }

        return (process.ExitCode, output.Result);
    }

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CSharp();
}
