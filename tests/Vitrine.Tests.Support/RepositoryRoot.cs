namespace Vitrine.Tests;

/// <summary>The folder of the clone that the tests were built from.</summary>
internal static class RepositoryRoot
{
    public static string Path { get; } = Find();

    private static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "Vitrine.slnx"))) return folder.FullName;
        }

        throw new DirectoryNotFoundException("No Vitrine.slnx above the test program.");
    }
}
