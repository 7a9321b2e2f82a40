using System.Diagnostics;

namespace Vitrine.Tests.Boot;

/// <summary>A program of the host that some tests use as a second opinion, when it is installed.</summary>
internal static class HostProgram
{
    /// <summary>Its path, or null when it is in none of the folders of PATH.</summary>
    public static string? Find(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
        .Select(folder => Path.Combine(folder, name))
        .FirstOrDefault(File.Exists);

    /// <summary>Runs it with the C locale and returns its exit status, standard output and standard error.</summary>
    public static (int Status, string Output, string Errors) Run(string name, string arguments, string folder, ReadOnlySpan<byte> input)
    {
        ProcessStartInfo start = new(Find(name)!, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["LC_ALL"] = "C";
        start.Environment["TZ"] = "UTC";
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        process.StandardInput.BaseStream.Write(input);
        process.StandardInput.Close();
        process.WaitForExit();
        return (process.ExitCode, output.Result, errors.Result);
    }
}
