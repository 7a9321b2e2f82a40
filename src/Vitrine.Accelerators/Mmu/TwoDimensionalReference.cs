namespace Vitrine.Accelerators.Mmu;

/// <summary>One memory reference of a two-dimensional walk.</summary>
/// <param name="GuestLevel">The guest level that it serves: 4 to 1 (5 with LA57), 0 for the page itself.</param>
/// <param name="HostLevel">4 to 1 for an entry of the second-level table; 0 when the guest's own entry is read.</param>
/// <param name="Address">Guest-physical address that is translated (second level) or read (guest entry).</param>
/// <param name="Value">The entry.</param>
/// <param name="Present">The entry is present.</param>
public readonly record struct TwoDimensionalReference(int GuestLevel, int HostLevel, ulong Address, ulong Value, bool Present);
