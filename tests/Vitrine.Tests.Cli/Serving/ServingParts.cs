using Xunit;

namespace Vitrine.Tests.Cli.Serving;

/// <summary>What serves /dev/kvm to other programs, as `native/publish` builds it: put beside the command that the tests run.</summary>
internal static class ServingParts
{
    private static readonly string[] s_names = ["vitrine-kvm.so", "vitrine-kvm-hook.so", "vitrine-kvm-loader"];
    private static readonly Lazy<bool> s_present = new(Place);

    /// <summary>Skips the running test where they were not built.</summary>
    public static void SkipUnlessPresent() =>
        Assert.SkipUnless(s_present.Value, "what serves /dev/kvm is not built (./test builds it where there is a C compiler)");

    private static bool Place()
    {
        string built = Path.Combine(RepositoryRoot.Path, "artifacts/kvm");
        foreach (string name in s_names)
        {
            string link = Path.Combine(AppContext.BaseDirectory, name);
            if (!File.Exists(Path.Combine(built, name))) return false;
            if (!File.Exists(link)) File.CreateSymbolicLink(link, Path.Combine(built, name));
        }

        return true;
    }
}
