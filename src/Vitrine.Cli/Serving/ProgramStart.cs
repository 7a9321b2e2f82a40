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
        Libc.RestoreIgnoredSignals();
        StandardDescriptors.Release();
        Libc.Execute(HostPath.Encode(path), [.. arguments.Select(HostPath.Encode)], environment.Variables);
    }
}
