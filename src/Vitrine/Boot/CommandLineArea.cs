using System.Text;
using Vitrine.Errors;

namespace Vitrine.Boot;

/// <summary>Writes the kernel command line to its place in <see cref="HandoffArea"/>.</summary>
internal static class CommandLineArea
{
    /// <summary>Writes the command line and a terminating zero.</summary>
    /// <param name="map">Where things go.</param>
    /// <param name="text">The command line.</param>
    /// <param name="limit">Most bytes that the kernel accepts, without the terminating zero.</param>
    /// <exception cref="VitrineException">It is longer than the limit, or contains a zero.</exception>
    internal static void Write(LoadMap map, string text, int limit)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        limit = Math.Min(limit, HandoffArea.CommandLineSize - 1);
        if (bytes.Length > limit)
        {
            throw VitrineException.User(
                ErrorCode.BootCommandLineTooLong,
                $"The kernel command line has {bytes.Length} bytes, and this kernel accepts {limit}.",
                "The kernel has a buffer of a fixed size for it.",
                "Shorten it.").With("bytes", bytes.Length).With("limit", limit);
        }

        if (bytes.Contains((byte)0))
        {
            throw VitrineException.User(
                ErrorCode.BootCommandLineZeroByte,
                "The kernel command line contains a zero byte.",
                "A zero byte ends it, so the rest would be lost silently.",
                "Remove the zero byte.");
        }

        map.Claim("the command line", HandoffArea.CommandLine, HandoffArea.CommandLineSize);
        map.Write(HandoffArea.CommandLine, bytes);
        map.Write(HandoffArea.CommandLine + (ulong)bytes.Length, [0]);
    }
}
