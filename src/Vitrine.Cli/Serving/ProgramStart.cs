using Vitrine.Cli.Terminal;

namespace Vitrine.Cli.Serving;

/// <summary>Starts a program in place of this one, with what this process had at its own start.</summary>
internal static class ProgramStart
{
    /// <summary>execve(2).</summary>
    /// <param name="path">The program's file.</param>
    /// <param name="arguments">Its arguments, its name first.</param>
    /// <param name="environment">Its environment.</param>
    /// <remarks>Returns only when it fails.</remarks>
    public static void Execute(string path, string[] arguments, ServedEnvironment environment)
    {
        RemoveDiagnostics();
        Libc.RestoreIgnoredSignals();
        StandardDescriptors.Release();
        Libc.Execute(HostPath.Encode(path), [.. arguments.Select(HostPath.Encode)], environment.Variables);
    }

    // A build that isn't native has opened pipes and a socket for debuggers of .NET, which it would remove at its end. Their names have the process's number, which what comes in
    // its place keeps, and the time of its start (proc(5), field 22 of /proc/PID/stat).
    private static void RemoveDiagnostics()
    {
        const int FieldsBehindName = 2;
        const int StartTime = 22;
        try
        {
            string status = File.ReadAllText("/proc/self/stat");
            string[] fields = status[(status.LastIndexOf(')') + 2)..].Split(' ');
            string process = $"{Environment.ProcessId}-{fields[StartTime - FieldsBehindName - 1]}";
            foreach (string name in (string[])[$"clr-debug-pipe-{process}-in", $"clr-debug-pipe-{process}-out", $"dotnet-diagnostic-{process}-socket"])
            {
                File.Delete(Path.Combine(Path.GetTempPath(), name));
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Files that stay hurt nobody.
        }
    }
}
