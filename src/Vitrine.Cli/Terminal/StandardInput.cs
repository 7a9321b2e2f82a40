using Microsoft.Win32.SafeHandles;

namespace Vitrine.Cli.Terminal;

/// <summary>Standard input of the commands that read a file from it.</summary>
internal static class StandardInput
{
    /// <summary>Opens it for reading. Closed input has ended.</summary>
    public static Stream Open() => StandardDescriptors.Input == StandardDescriptors.None
        ? Stream.Null
        : new FileStream(new SafeFileHandle(StandardDescriptors.Input, ownsHandle: false), FileAccess.Read, bufferSize: 0);
}
