using Xunit;

namespace Vitrine.Tests.Cli.Serving.Qemu;

/// <summary>The tests with QEMU share the kernel's files, and run one after another: each is a machine of its own already.</summary>
[CollectionDefinition(Name)]
public sealed class QemuCollection : ICollectionFixture<LinuxFiles>
{
    /// <summary>Its name.</summary>
    public const string Name = "QEMU";
}
