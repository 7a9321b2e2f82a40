using System.Diagnostics;
using System.Text;

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
    /// <param name="prompt">What its output has to show before that input comes; null where it waits for nothing.</param>
    public static (int Status, string Output, string Errors) Run(string[] arguments, string input = "", string? folder = null, string? prompt = null) =>
        Run(new ProcessStartInfo(Program, arguments), input, folder, prompt);

    /// <summary>Runs a script of sh(1) that finds the program's path in $VITRINE.</summary>
    /// <param name="script">The script.</param>
    /// <param name="input">What it finds on standard input.</param>
    public static (int Status, string Output, string Errors) RunInShell(string script, string input = "")
    {
        ProcessStartInfo start = new("/bin/sh", ["-c", script]);
        start.Environment["VITRINE"] = Program;
        return Run(start, input, folder: null, prompt: null);
    }

    private static (int Status, string Output, string Errors) Run(ProcessStartInfo start, string input, string? folder, string? prompt)
    {
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        start.WorkingDirectory = folder ?? "";
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        Task<string> output = Task.Run(() =>
        {
            string shown = prompt is null ? "" : ReadUntil(process.StandardOutput, prompt);
            try
            {
                process.StandardInput.Write(input);
                process.StandardInput.Close();
            }
            catch (IOException)
            {
                // It ended without reading.
            }

            return shown + process.StandardOutput.ReadToEnd();
        });
        if (!process.WaitForExit(Patience))
        {
            process.Kill();
            throw new TimeoutException($"{string.Join(' ', start.ArgumentList)} did not end within {Patience}.");
        }

        return (process.ExitCode, output.Result, errors.Result);
    }

    // Also ends where the output does.
    private static string ReadUntil(StreamReader output, string prompt)
    {
        StringBuilder shown = new();
        while (output.Read() is >= 0 and int character)
        {
            shown.Append((char)character);
            if (character == prompt[^1] && shown.ToString().EndsWith(prompt, StringComparison.Ordinal)) break;
        }

        return shown.ToString();
    }
}
