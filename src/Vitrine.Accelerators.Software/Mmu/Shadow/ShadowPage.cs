namespace Vitrine.Accelerators.Software.Mmu.Shadow;

/// <summary>
/// What is known of one shadow page besides its 512 entries. Pages are named by number, from 1; an entry of one by
/// <c>number * 512 + index</c>, so that 0 is nothing in both.
/// </summary>
internal unsafe struct ShadowPage
{
    /// <summary>Number of the guest page that it shadows; of a direct page the number of the page that its first entry maps.</summary>
    public ulong Frame;

    /// <summary>What it was made for.</summary>
    public ShadowRole Role;

    /// <summary>Next page in the same bucket of the hash table, or next free page.</summary>
    public int HashNext;

    /// <summary>Neighbours in the order of age.</summary>
    public int Older;

    /// <inheritdoc cref="Older"/>
    public int Younger;

    /// <summary>First entry, of whatever page, that links to this page; the others follow it in <see cref="ShadowPagePool.Next"/>.</summary>
    public int FirstParent;

    /// <summary>Set bits in <see cref="UnsyncBits"/>.</summary>
    public int UnsyncChildren;

    /// <summary>Bit i: what entry i links to, or something below it, may be out of step.</summary>
    public fixed ulong UnsyncBits[8];

    /// <summary>Tracked writes since the page was last used for a fill.</summary>
    public byte Writes;

    /// <summary>Level 1: the guest may write to the table freely; it is compared when the architecture demands a flush.</summary>
    public bool Unsync;

    /// <summary>In use.</summary>
    public bool Used;
}
