using System.Globalization;

namespace Vitrine;

/// <summary>What the host has left for a guest.</summary>
internal static class HostMemory
{
    private const string Source = "/proc/meminfo";
    private const string Field = "MemAvailable:";

    /// <summary>
    /// Bytes that can be used without swapping (MemAvailable in /proc/meminfo), and within the limits of this process's control groups; null when
    /// the host doesn't say.
    /// </summary>
    internal static ulong? AvailableBytes => (OfHost(), ControlGroupMemory.Available()) switch
    {
        (null, var limit) => limit,
        (var host, null) => host,
        ({ } host, { } limit) => Math.Min(host, limit),
    };

    private static ulong? OfHost()
    {
        try
        {
            return Parse(File.ReadLines(Source));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    internal static ulong? Parse(IEnumerable<string> lines)
    {
        foreach (string line in lines)
        {
            if (!line.StartsWith(Field, StringComparison.Ordinal)) continue;
            ReadOnlySpan<char> value = line.AsSpan(Field.Length).Trim();
            if (value.EndsWith("kB", StringComparison.Ordinal)) value = value[..^2].Trim();
            return ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out ulong kibibytes) ? kibibytes << 10 : null;
        }

        return null;
    }
}
