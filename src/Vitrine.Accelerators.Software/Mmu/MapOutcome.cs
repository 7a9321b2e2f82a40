namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>What <see cref="SoftMmu.TryMapForUser"/> has come to.</summary>
internal enum MapOutcome
{
    /// <summary>The page may be mapped.</summary>
    Mapped,

    /// <summary>The guest gets a page fault, which is recorded.</summary>
    Fault,

    /// <summary>The access is to be made by an instruction that goes through the MMU: a device's memory, a page whose writes are noticed, or one with a protection key.</summary>
    Unsuited,
}
