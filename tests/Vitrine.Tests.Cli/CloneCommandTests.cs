using Xunit;

namespace Vitrine.Tests.Cli;

/// <summary>./vitrine, which builds the clone where that is needed, under limits that it can't work with.</summary>
public sealed class CloneCommandTests
{
    [Fact]
    public void TooFewFilesAreNamedAsTheReason()
    {
        string script = Path.Combine(RepositoryRoot.Path, "vitrine");
        (int status, string output, string errors) = VitrineCommand.RunInShell($"ulimit -n 8; exec '{script}' --version");
        Assert.Equal((72, ""), (status, output));
        Assert.StartsWith("vitrine: Only 8 files may be open at once", errors, StringComparison.Ordinal);
        Assert.Contains("ulimit -n 256", errors, StringComparison.Ordinal);
        Assert.Single(errors.TrimEnd().Split('\n'));
    }
}
