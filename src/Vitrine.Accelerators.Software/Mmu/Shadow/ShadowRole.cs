using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Mmu.Shadow;

/// <summary>
/// What the entries of a shadow page depend on besides the guest's table. A guest table has one shadow page for each role it is met in.
/// CR0.WP, CR4.SMEP, CR4.SMAP, PKRU and IA32_PKRS are not among it: entries hold the guest's rights, and <see cref="PagingContext.Permits"/> decides where
/// the TLB is filled.
/// </summary>
/// <param name="Level">Level of its entries in the shadow table: 1 for those that map pages.</param>
/// <param name="Direct">Its entries follow from its place alone: paging is off, or it lies beneath a large page.</param>
/// <param name="Quadrant">
/// Which part of the guest's table it shadows, where one table of 1024 entries needs two shadow pages (level 1) or four (level 2).
/// </param>
/// <param name="Rights">
/// What the entries above grant: Writable, User, Executable. Of a direct page also Global, Dirty and key of the large page, and all of it.
/// </param>
/// <param name="Mode">Which form of entries the guest's table has; None for direct pages.</param>
/// <param name="ExecuteDisable">Bit 63 of the guest's entries is XD, not reserved.</param>
/// <param name="PageSizeExtension">Bit 7 of the guest's 4-byte entries means a large page.</param>
/// <param name="Keys">Bits 62:59 of the guest's entries are protection keys.</param>
/// <param name="PageShift">Direct: log2 of the guest's page size.</param>
internal readonly record struct ShadowRole(
    byte Level, bool Direct, byte Quadrant, PageRights Rights, PagingMode Mode, bool ExecuteDisable, bool PageSizeExtension, bool Keys,
    byte PageShift)
{
    private const PageRights AllAbove = PageRights.Writable | PageRights.User | PageRights.Executable;

    /// <summary>Guest entries have 4 bytes.</summary>
    public bool ShortEntries => Mode == PagingMode.Bits32;

    /// <summary>The role of the root, quadrant 0.</summary>
    public static ShadowRole Root(in PagingContext context)
    {
        // Below 4 GiB the shadow table has four roots of level 2, for 1 GiB each, as PAE paging has.
        byte level = context.Mode switch { PagingMode.FiveLevel => 5, PagingMode.FourLevel => 4, _ => 2 };
        return context.Mode == PagingMode.None
            ? new(level, true, 0, AllAbove | PageRights.Dirty, PagingMode.None, false, false, false, 12)
            : new(level, false, 0, AllAbove, context.Mode, context.ExecuteDisable, context.Mode == PagingMode.Bits32 && context.FourMegabytePages, context.HasKeys, 0);
    }

    /// <summary>The role of the page below an entry.</summary>
    /// <param name="entryRights">What the entry grants.</param>
    /// <param name="linear">An address that it translates.</param>
    public ShadowRole Below(PageRights entryRights, ulong linear) => this with
    {
        Level = (byte)(Level - 1),
        Quadrant = (byte)(ShortEntries && Level == 2 ? (linear >> 21) & 1 : 0),
        Rights = Rights & entryRights,
    };

    /// <summary>The role of a direct page.</summary>
    public static ShadowRole Beneath(int level, PageRights rights, int pageShift) =>
        new((byte)level, true, 0, rights, PagingMode.None, false, false, false, (byte)pageShift);

    /// <summary>In words, for <see cref="Accelerators.Mmu.ShadowStep.Role"/>.</summary>
    public override string ToString()
    {
        string form = Direct
            ? PageShift == 12 ? "direct, paging off" : $"direct, beneath a page of {PageSize}"
            : Mode switch
            {
                PagingMode.Bits32 => $"32-bit, quadrant {Quadrant}",
                PagingMode.Pae => "PAE",
                PagingMode.FiveLevel => "5-level",
                _ => "4-level",
            };
        return $"level {Level}, {form}, {Letters(Rights)} above{(ExecuteDisable ? ", NX" : "")}{(Keys ? ", keys" : "")}";
    }

    /// <summary>Rights in letters.</summary>
    public static string Letters(PageRights rights) => string.Concat(
        (rights & PageRights.Writable) != 0 ? "w" : "",
        (rights & PageRights.User) != 0 ? "u" : "",
        (rights & PageRights.Executable) != 0 ? "x" : "",
        (rights & PageRights.Global) != 0 ? "g" : "",
        (rights & PageRights.Dirty) != 0 ? "d" : "") is { Length: > 0 } letters ? letters : "r";

    private string PageSize => PageShift switch { 21 => "2 MiB", 22 => "4 MiB", _ => "1 GiB" };
}
