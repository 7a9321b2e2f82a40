using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Mmu.Shadow;

/// <summary>
/// The bits of a shadow entry; 0 is an absent one. Above the last level bits 63:12 are the number of the shadow page below, at the
/// last level they are the host address of the guest's page:
/// <code>
///  63   62..59          58..12        8       7          6..2       1       0
///  0    protection key  host address  logged  read-only  D G X U W  device  present
/// </code>
/// </summary>
internal static class ShadowEntry
{
    /// <summary>The entry leads somewhere.</summary>
    public const ulong Present = 1 << 0;

    /// <summary>Last level: no memory lies behind the guest-physical address.</summary>
    public const ulong Device = 1 << 1;

    /// <summary>Last level: the slot is read-only, guest writes go to the bus.</summary>
    public const ulong ReadOnlySlot = 1 << 7;

    /// <summary>Last level: the slot's dirty log must hear of writes.</summary>
    public const ulong Logged = 1 << 8;

    /// <summary>Last level: the guest has set the dirty bit; bit 4 of <see cref="PageRights"/>.</summary>
    public const ulong Dirty = (ulong)PageRights.Dirty << RightsShift;

    /// <summary>Host address, or number of a shadow page.</summary>
    public const ulong AddressMask = 0x07FF_FFFF_FFFF_F000;

    /// <summary>The protection key, where the guest's entry has it: no address of user space comes so far.</summary>
    public const ulong KeyMask = 0xFUL << KeyShift;

    private const int KeyShift = 59;
    private const int RightsShift = 2;
    private const PageRights Flags = PageRights.Writable | PageRights.User | PageRights.Executable | PageRights.Global | PageRights.Dirty;

    /// <summary>All rights together.</summary>
    public const ulong RightsMask = ((ulong)Flags << RightsShift) | KeyMask;

    /// <summary>The rights of the whole translation, as the guest's entries give them.</summary>
    public static PageRights Rights(ulong entry) =>
        ((PageRights)(entry >> RightsShift) & Flags) | ProtectionKey.RightsOf(entry);

    /// <summary>Rights in their place in an entry.</summary>
    public static ulong From(PageRights rights) => ((ulong)(rights & Flags) << RightsShift) | ((ulong)ProtectionKey.Of(rights) << KeyShift);

    /// <summary>A link to a shadow page.</summary>
    public static ulong Link(int page) => ((ulong)page << 12) | Present;

    /// <summary>The shadow page that a link leads to.</summary>
    public static int Child(ulong entry) => (int)(entry >> 12);
}
