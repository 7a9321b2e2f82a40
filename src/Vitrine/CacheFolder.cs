namespace Vitrine;

/// <summary>The user's cache folder of Vitrine (XDG Base Directory Specification).</summary>
public static class CacheFolder
{
    /// <summary>
    /// $XDG_CACHE_HOME/vitrine, or ~/.cache/vitrine; null without a home folder. A folder of everybody's, like /tmp, is none: what lies there
    /// may be anybody's.
    /// </summary>
    public static string? Path => Root is { } root ? System.IO.Path.Combine(root, "vitrine") : null;

    private static string? Root
    {
        get
        {
            // The specification wants a relative path ignored.
            if (Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { } configured && System.IO.Path.IsPathRooted(configured)) return configured;
            return Environment.GetEnvironmentVariable("HOME") is { } home && System.IO.Path.IsPathRooted(home)
                ? System.IO.Path.Combine(home, ".cache")
                : null;
        }
    }
}
