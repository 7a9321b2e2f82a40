namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>What came of an access that translated code didn't find in the TLB.</summary>
internal enum RefillOutcome
{
    /// <summary>The TLB has it now.</summary>
    Filled,

    /// <summary>As <see cref="Filled"/>, but the slots were emptied: what code has found out about pages before may not hold any more.</summary>
    FilledAlone,

    /// <summary>A page fault is recorded.</summary>
    Fault,

    /// <summary>It isn't for the TLB: a device, a page boundary, a page whose writes somebody must know of, an address that isn't canonical.</summary>
    Unsuited,
}
