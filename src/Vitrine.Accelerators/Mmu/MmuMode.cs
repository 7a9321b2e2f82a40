namespace Vitrine.Accelerators.Mmu;

/// <summary>How an accelerator with an MMU of its own gets from guest-linear addresses to host memory.</summary>
public enum MmuMode
{
    /// <summary>
    /// A shadow page table for each guest root maps linear addresses straight to host memory. It is filled on demand from the
    /// guest's tables and kept in step with them, as KVM does on processors without second-level translation.
    /// </summary>
    Shadow,

    /// <summary>
    /// The guest's own tables are walked at every TLB miss, and each guest-physical address on the way goes through a
    /// second-level table, as with EPT and NPT.
    /// </summary>
    TwoDimensional,
}
