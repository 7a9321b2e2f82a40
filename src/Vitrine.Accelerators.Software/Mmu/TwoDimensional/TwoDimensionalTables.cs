using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Mmu.TwoDimensional;

/// <summary>The guest's tables as a two-dimensional walk reads them: each address goes through the second level first.</summary>
internal unsafe struct TwoDimensionalTables(SecondLevelTable secondLevel, GuestPhysicalMemory memory, CodeGuard guard) : IPageTableMemory
{
    // SAFETY: a second-level leaf maps memory inside a slot, and entries are naturally aligned, as the walker promises.

    /// <summary>Guest entries read.</summary>
    public ulong References;

    /// <inheritdoc/>
    public bool TryRead(ulong gpa, int size, out ulong value)
    {
        References++;
        if (secondLevel.Translate(gpa, out byte* host) == 0)
        {
            value = 0;
            return false;
        }

        value = size == 4 ? Volatile.Read(ref *(uint*)host) : Volatile.Read(ref *(ulong*)host);
        return true;
    }

    /// <inheritdoc/>
    public readonly bool TryCompareExchange(ulong gpa, int size, ulong expected, ulong desired) =>
        new GuestTables(memory, guard).TryCompareExchange(gpa, size, expected, desired);
}
