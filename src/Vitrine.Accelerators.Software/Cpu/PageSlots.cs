using System.Runtime.CompilerServices;

namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>
/// The pages that translated code accessed last: a small cache before the TLB, whose slots each piece of code chooses when it is
/// translated. Code at CPL 3 has one half of them, other code the other, so that a system call leaves both as they are.
/// </summary>
[InlineArray(Own + OwnCount)]
internal struct PageSlots
{
    /// <summary>Slots of each half.</summary>
    public const int PerBank = 32;

    /// <summary>The first of the slots that a block uses as its own: what it has found in the TLB by itself, for accesses behind in the same block. They have no limits.</summary>
    public const int Own = 2 * PerBank;

    /// <summary>How many there are.</summary>
    public const int OwnCount = 8;

    /// <summary>
    /// Bytes that are in the page when the access's address is below the limit. Accesses further behind go the long way; in exchange one check
    /// serves all accesses in a window of this size.
    /// </summary>
    public const int Window = 64;

    /// <summary>The limit of a slot that holds a page: it is inclusive of an access at the last address with the window behind it.</summary>
    public const int Limit = 0x1000 - Window + 1;

    /// <summary>Bytes of the largest access that a single limit serves: only what crosses the page's end, or is larger, goes the long way.</summary>
    public const int Single = 8;

    /// <summary>The single limit of a slot that holds a page.</summary>
    public const int SingleLimit = 0x1000 - Single + 1;

    private PageSlot _first;
}
