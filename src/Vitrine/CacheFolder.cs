namespace Vitrine;

/// <summary>The user's cache folder of Vitrine (XDG Base Directory Specification).</summary>
public static class CacheFolder
{
    /// <summary>$XDG_CACHE_HOME/vitrine, or ~/.cache/vitrine; without a home folder one in the folder for temporary files.</summary>
    public static string Path => System.IO.Path.Combine(Root, "vitrine");

    private static string Root
    {
        get
        {
            // The specification wants a relative path ignored.
            if (Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { } configured && System.IO.Path.IsPathRooted(configured)) return configured;
            if (Environment.GetEnvironmentVariable("HOME") is { } home && System.IO.Path.IsPathRooted(home)) return System.IO.Path.Combine(home, ".cache");
            return System.IO.Path.GetTempPath();
        }
    }
}
