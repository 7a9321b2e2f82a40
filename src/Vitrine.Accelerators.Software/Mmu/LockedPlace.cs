namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>Where the operand of an instruction with LOCK is.</summary>
internal enum LockedPlace
{
    /// <summary>In guest memory that the TLB lets the vCPU write to.</summary>
    Memory,

    /// <summary>In guest memory whose writes somebody must know of: the code cache, the dirty log, the shadow table.</summary>
    WatchedMemory,

    /// <summary>
    /// In a copy, because it lies on two lines of the host's cache or in two pages (no other vCPU runs then), in device memory or in ROM.
    /// </summary>
    Copy,
}
