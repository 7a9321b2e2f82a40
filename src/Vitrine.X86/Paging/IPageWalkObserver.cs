namespace Vitrine.X86.Paging;

/// <summary>
/// Watches a page walk step by step. Implemented by structs: with <see cref="NullObserver"/> nothing is left of the calls.
/// </summary>
public interface IPageWalkObserver
{
    /// <summary>An entry was read from memory.</summary>
    /// <param name="level">5 PML5E, 4 PML4E, 3 PDPTE, 2 PDE, 1 PTE.</param>
    /// <param name="entryAddress">Guest-physical address of the entry.</param>
    /// <param name="rawValue">The entry.</param>
    void OnEntry(int level, ulong entryAddress, ulong rawValue);

    /// <summary>PAE paging: a page-directory-pointer register of the processor was used.</summary>
    /// <param name="index">Which of the four.</param>
    /// <param name="rawValue">Its value.</param>
    void OnPointerRegister(int index, ulong rawValue);

    /// <summary>Accessed or dirty bit of an entry was set in memory.</summary>
    /// <param name="level">As in <see cref="OnEntry"/>.</param>
    /// <param name="entryAddress">Guest-physical address of the entry.</param>
    /// <param name="newValue">The entry afterwards.</param>
    void OnUpdate(int level, ulong entryAddress, ulong newValue);

    /// <summary>An entry changed under the walk: it begins anew.</summary>
    void OnRestart();
}
