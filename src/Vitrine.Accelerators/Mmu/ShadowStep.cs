namespace Vitrine.Accelerators.Mmu;

/// <summary>One level of a shadow page table, as it stands for an address.</summary>
/// <param name="Level">4 for the root, 1 for the entry that maps a 4-KiB page.</param>
/// <param name="PageNumber">Number of the shadow page, unique among those in use.</param>
/// <param name="GuestTable">
/// Guest-physical address of the guest table that it shadows; of a direct page the guest-physical address that its first entry maps.
/// </param>
/// <param name="Role">What it was made for, in words: level, direct or not, paging mode, rights above it.</param>
/// <param name="Index">Which of its 512 entries the address selects.</param>
/// <param name="Present">The entry is present.</param>
/// <param name="Entry">
/// The entry: for upper levels the <see cref="PageNumber"/> below, for the last level the host-virtual address of the page; 0 when absent.
/// </param>
/// <param name="Flags">The entry's rights in letters: w writable, u user, x executable, g global, d dirty; "-" when absent.</param>
/// <param name="Unsync">The guest's table may have changed since; a flush will compare them.</param>
public readonly record struct ShadowStep(
    int Level, int PageNumber, ulong GuestTable, string Role, int Index, bool Present, ulong Entry, string Flags, bool Unsync);
