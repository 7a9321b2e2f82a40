namespace Vitrine.X86.Paging;

/// <summary>
/// Guest-physical memory as the page walker sees it. Implemented by structs, so that the walker is compiled for each.
/// </summary>
public interface IPageTableMemory
{
    /// <summary>Reads an entry.</summary>
    /// <param name="gpa">Guest-physical address, a multiple of <paramref name="size"/>.</param>
    /// <param name="size">4 or 8 bytes.</param>
    /// <param name="value">The entry, zero-extended.</param>
    /// <returns>False where there is no memory: the walk goes on with an entry of all ones, as an unclaimed bus reads.</returns>
    bool TryRead(ulong gpa, int size, out ulong value);

    /// <summary>Replaces an entry atomically if it still is <paramref name="expected"/>.</summary>
    /// <param name="gpa">Guest-physical address, a multiple of <paramref name="size"/>.</param>
    /// <param name="size">4 or 8 bytes.</param>
    /// <param name="expected">What was read.</param>
    /// <param name="desired">What to write.</param>
    /// <returns>False when it was something else, or when the memory can't be written.</returns>
    bool TryCompareExchange(ulong gpa, int size, ulong expected, ulong desired);
}
