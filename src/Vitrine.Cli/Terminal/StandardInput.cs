using Microsoft.Win32.SafeHandles;

namespace Vitrine.Cli.Terminal;

/// <summary>Standard input of the commands that read a file from it.</summary>
internal static class StandardInput
{
    /// <summary>Opens it for reading. Closed input has ended.</summary>
    public static Stream Open() => StandardDescriptors.Input == StandardDescriptors.None
        ? Stream.Null
        : new FileStream(new SafeFileHandle(StandardDescriptors.Input, ownsHandle: false), FileAccess.Read, bufferSize: 0);

    /// <summary>True when a path names the descriptor of closed input: by now it is a file of the program's own.</summary>
    public static bool IsClosed(string path) =>
        StandardDescriptors.Input == StandardDescriptors.None && (Path.GetFullPath(path) is "/dev/stdin" or "/dev/fd/0" or "/proc/self/fd/0");

    /// <summary>True when a path names the file that standard input is, as /dev/stdin does.</summary>
    public static bool Is(string path) =>
        StandardDescriptors.Input != StandardDescriptors.None &&
        Libc.TryIdentify(path, out FileIdentity file) && Libc.TryIdentify(StandardDescriptors.Input, out FileIdentity input) && file == input;
}
