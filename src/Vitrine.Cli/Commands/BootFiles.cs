using Vitrine.Boot;
using Vitrine.Cli.Terminal;
using Vitrine.Errors;

namespace Vitrine.Cli.Commands;

/// <summary>The files that a guest is loaded from.</summary>
internal static class BootFiles
{
    /// <summary>Their paths.</summary>
    public static IEnumerable<string> Of(BootSource boot) => boot switch
    {
        BootSource.Kernel { Initrd: { } initrd } kernel => [kernel.Path, initrd],
        BootSource.Kernel kernel => [kernel.Path],
        BootSource.Firmware firmware => [firmware.Path],
        BootSource.Flat flat => [flat.Path],
        _ => [],
    };

    /// <summary>Sees to it that output doesn't overwrite one of them. To be called before the output is opened, which empties it.</summary>
    /// <param name="boot">What the guest boots.</param>
    /// <param name="output">Path of the output.</param>
    /// <exception cref="VitrineException">The path is that of one of them, under whatever name.</exception>
    public static void Spare(BootSource boot, string output) => Spare(Of(boot), "what the guest is loaded from", output);

    /// <summary>As <see cref="Spare(BootSource, string)"/>, of other files.</summary>
    /// <param name="paths">Their paths.</param>
    /// <param name="what">What they are, for the message.</param>
    /// <param name="output">Path of the output.</param>
    /// <exception cref="VitrineException">The path is that of one of them, under whatever name.</exception>
    public static void Spare(IEnumerable<string> paths, string what, string output)
    {
        if (!Libc.TryIdentify(output, out FileIdentity target)) return;
        foreach (string path in paths)
        {
            if (!Libc.TryIdentify(path, out FileIdentity file) || file != target) continue;
            throw VitrineException.User(
                CommandErrorCode.Output,
                $"Output to '{output}' would overwrite {what}.",
                $"It is the same file as '{path}'.",
                "Give another path for the output.");
        }
    }
}
