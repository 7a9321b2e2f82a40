namespace Vitrine.X86.Paging;

/// <summary>The outcome of a page walk.</summary>
public struct PageWalkResult
{
    /// <summary>Guest-physical address of the byte. Also valid after a protection fault.</summary>
    public ulong Gpa;

    /// <summary>Guest-physical address of the last entry that was read; 0 when none was.</summary>
    public ulong EntryAddress;

    /// <summary>The last entry, with accessed and dirty bit as the walk left them; a PAE pointer register when that ended the walk.</summary>
    public ulong Entry;

    /// <summary>Rights of the whole translation. Also valid after a protection fault.</summary>
    public PageRights Rights;

    /// <summary>Why there is no translation; <see cref="PageFaultKind.None"/> when there is one.</summary>
    public PageFaultKind Fault;

    /// <summary>Error code of the page fault, bits as in <see cref="Exceptions.PageFaultError"/>.</summary>
    public uint ErrorCode;

    /// <summary>Level of the last entry: 5 PML5E, 4 PML4E, 3 PDPTE, 2 PDE, 1 PTE; 0 without paging.</summary>
    public byte Level;

    /// <summary>Log2 of the page size: 12, 21, 22 or 30; 12 without paging.</summary>
    public byte PageShift;

    /// <summary>True when an entry lies outside guest memory and was taken as all ones.</summary>
    public bool TableOutsideMemory;

    /// <summary>Size of the page in bytes.</summary>
    public readonly ulong PageSize => 1UL << PageShift;
}
