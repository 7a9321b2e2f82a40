using System.Diagnostics;

namespace Vitrine.Tests.Cli;

/// <summary>Runs the command as a user would: as a process, seen through its streams and its exit status.</summary>
internal static class VitrineCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Path of the program.</summary>
    public static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "Vitrine.Cli");

    /// <summary>Runs it to its end.</summary>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="input">What it finds on standard input.</param>
    /// <param name="folder">Where it runs; null for here.</param>
    public static (int Status, string Output, string Errors) Run(string[] arguments, string input = "", string? folder = null)
    {
        ProcessStartInfo start = new(Program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? "",
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        try
        {
            process.StandardInput.Write(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading.
        }

        if (!process.WaitForExit(Patience))
        {
            process.Kill();
            throw new TimeoutException($"vitrine {string.Join(' ', arguments)} did not end within {Patience}.");
        }

        return (process.ExitCode, output.Result, errors.Result);
    }
}
