using System.Globalization;

namespace Vitrine;

/// <summary>What the memory limits of this process's control groups leave it (cgroups(7), both versions).</summary>
internal static class ControlGroupMemory
{
    private const string Mount = "sys/fs/cgroup";

    private static readonly Files s_version1 = new("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file");
    private static readonly Files s_version2 = new("memory.max", "memory.current", "inactive_file");

    /// <summary>Bytes that may be used before a limit is reached, the least of all groups; null without a limit.</summary>
    /// <param name="root">Where /proc and /sys are.</param>
    internal static ulong? Available(string root = "/")
    {
        ulong? least = null;
        foreach (string line in Lines(Path.Combine(root, "proc/self/cgroup")))
        {
            // number:controllers:path; version 2 has number 0 and no controllers.
            string[] fields = line.Split(':', 3);
            if (fields.Length < 3) continue;
            if (fields[1].Length == 0) Look(Path.Combine(root, Mount), fields[2], s_version2, ref least);
            else if (fields[1].Split(',').Contains("memory")) Look(Path.Combine(root, Mount, "memory"), fields[2], s_version1, ref least);
        }

        return least;
    }

    // A group is limited by its parents too. In a container the path may be the host's, of which only the mount's root is to be seen.
    private static void Look(string mount, string path, Files files, ref ulong? least)
    {
        for (string group = path.Trim('/'); ; group = Path.GetDirectoryName(group) ?? "")
        {
            string folder = Path.Combine(mount, group);
            if (Number(Path.Combine(folder, files.Limit)) is { } limit && Number(Path.Combine(folder, files.Usage)) is { } usage)
            {
                // Cached file pages are dropped when a group needs memory.
                ulong used = usage - Math.Min(usage, Inactive(Path.Combine(folder, "memory.stat"), files.Inactive));
                ulong left = limit - Math.Min(limit, used);
                if (least is null || left < least) least = left;
            }

            if (group.Length == 0) return;
        }
    }

    private static ulong Inactive(string path, string field) => Lines(path)
        .Where(line => line.StartsWith($"{field} ", StringComparison.Ordinal))
        .Select(line => Parse(line[(field.Length + 1)..]) ?? 0).FirstOrDefault();

    // "max" in version 2 is no number.
    private static ulong? Number(string path) => Lines(path) is [var line, ..] ? Parse(line) : null;

    private static ulong? Parse(string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) ? number : null;

    private static string[] Lines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private sealed record Files(string Limit, string Usage, string Inactive);
}
