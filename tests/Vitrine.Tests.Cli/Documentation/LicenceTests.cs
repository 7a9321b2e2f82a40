using System.Xml.Linq;
using Xunit;

namespace Vitrine.Tests.Documentation;

public sealed class LicenceTests
{
    public static TheoryData<string> Packages => [.. XDocument.Load(Path.Combine(RepositoryRoot.Path, "Directory.Packages.props"))
        .Descendants("PackageVersion").Select(package => package.Attribute("Include")!.Value)];

    [Fact]
    public void TheLicenceIsMit()
    {
        string text = File.ReadAllText(Path.Combine(RepositoryRoot.Path, "LICENSE"));
        Assert.StartsWith("MIT License\n", text, StringComparison.Ordinal);
        Assert.Contains("the Vitrine contributors", text, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Packages))]
    public void EveryPackageHasItsNotice(string package) =>
        Assert.Contains($"| {package} |", File.ReadAllText(Path.Combine(RepositoryRoot.Path, "THIRD-PARTY-NOTICES.md")), StringComparison.Ordinal);
}
