namespace Vitrine.Explain.Model;

/// <summary>One entry that a page walk reads.</summary>
/// <param name="Level">5 PML5E, 4 PML4E, 3 PDPTE, 2 PDE, 1 PTE.</param>
/// <param name="Name">Its name: "PML4E".</param>
/// <param name="Index">Which entry of its table.</param>
/// <param name="Table">Guest-physical address of the table; for PAE's pointer registers 0.</param>
/// <param name="Address">Guest-physical address of the entry; for PAE's pointer registers 0.</param>
/// <param name="InMemory">The entry lies in a memory slot; false when it was taken as all ones.</param>
/// <param name="Value">The entry.</param>
/// <param name="Bits">Names of the bits that are set: "P", "R/W", "U/S", "A", "D", "PS", "G", "XD"; "key 5" where it has a protection key.</param>
/// <param name="Decision">What the processor does with it.</param>
public sealed record WalkEntry(
    int Level, string Name, int Index, ulong Table, ulong Address, bool InMemory, ulong Value, IReadOnlyList<string> Bits, string Decision)
{
    /// <summary>Read from guest memory: observed.</summary>
    public Evidence Evidence => Evidence.Observed;
}
