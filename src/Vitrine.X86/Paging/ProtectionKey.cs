namespace Vitrine.X86.Paging;

/// <summary>
/// Protection keys (SDM vol. 3, 4.6.2 "Protection Keys"). Bits 62:59 of the entry that maps a page are its key, which chooses two bits of PKRU
/// for a user-mode address and of IA32_PKRS for a supervisor-mode address:
/// <code>
///  2 key + 1           2 key
///  WD: write disable   AD: access disable
/// </code>
/// </summary>
public static class ProtectionKey
{
    private const int EntryShift = 59;
    private const int RightsShift = 8;
    private const uint KeyMask = 0xF;
    private const uint AccessDisable = 1;
    private const uint WriteDisable = 2;
    private const uint EvenBits = 0x5555_5555;

    /// <summary>The key in an entry that maps a page, in its place in <see cref="PageRights"/>.</summary>
    /// <param name="entry">An entry of 4-level or 5-level paging.</param>
    public static PageRights RightsOf(ulong entry) => (PageRights)(((uint)(entry >> EntryShift) & KeyMask) << RightsShift);

    /// <summary>The key of a translation, 0 to 15.</summary>
    public static int Of(PageRights rights) => (int)(((uint)rights >> RightsShift) & KeyMask);

    /// <summary>The register forbids every data access.</summary>
    public static bool DisablesAccess(uint register, int key) => ((register >> (2 * key)) & AccessDisable) != 0;

    /// <summary>The register forbids writes, as far as it has a say in them.</summary>
    public static bool DisablesWrites(uint register, int key) => ((register >> (2 * key)) & WriteDisable) != 0;

    /// <summary>The keys whose bits two values of a register have different: two bits for each, as in the register.</summary>
    public static uint Changes(uint before, uint after)
    {
        uint different = before ^ after;
        uint low = (different | (different >> 1)) & EvenBits;
        return low | (low << 1);
    }
}
