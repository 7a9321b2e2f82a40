namespace Vitrine.X86.Paging;

/// <summary>Where a walk begins when not at the root: what a paging-structure cache holds (SDM vol. 3, 4.10.3).</summary>
/// <param name="Level">Level of the entries in the table: 4 PML4E to 1 PTE; 0 for a walk from the root.</param>
/// <param name="Table">Guest-physical address of the table.</param>
/// <param name="Rights">What the entries above grant: Writable, User and Executable. Their accessed bits are set.</param>
public readonly record struct PageWalkStart(int Level, ulong Table, PageRights Rights);
