namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>What lies at a guest-physical address.</summary>
internal enum MemoryKind
{
    Pool,
    Rom,

    /// <summary>No slot: accesses leave the processor.</summary>
    Device,

    /// <summary>The harness, and what a step must not touch.</summary>
    Forbidden,
}
