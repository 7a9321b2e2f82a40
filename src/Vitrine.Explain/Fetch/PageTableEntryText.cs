using System.Globalization;
using Vitrine.X86.Paging;

namespace Vitrine.Explain.Fetch;

/// <summary>Names of the bits of page-table entries (SDM vol. 3, 4.3 to 4.5).</summary>
internal static class PageTableEntryText
{
    private const ulong PageSizeBit = 1UL << 7;
    private const int ExecuteDisableBit = 63;

    /// <summary>Name of an entry of a level.</summary>
    public static string Name(int level) => level switch { 5 => "PML5E", 4 => "PML4E", 3 => "PDPTE", 2 => "PDE", _ => "PTE" };

    /// <summary>Name of the table of a level.</summary>
    public static string TableName(int level) => level switch
    {
        5 => "PML5",
        4 => "PML4",
        3 => "PDPT",
        2 => "page directory",
        _ => "page table",
    };

    /// <summary>The bits that are set, by name; address bits are left out.</summary>
    /// <param name="value">The entry.</param>
    /// <param name="level">Its level.</param>
    /// <param name="wide">It has 8 bytes.</param>
    /// <param name="leaf">It maps a page.</param>
    /// <param name="keys">An entry that maps a page has a protection key.</param>
    public static IReadOnlyList<string> Bits(ulong value, int level, bool wide, bool leaf, bool keys)
    {
        List<string> names = [];
        Add(0, "P");
        Add(1, "R/W");
        Add(2, "U/S");
        Add(3, "PWT");
        Add(4, "PCD");
        Add(5, "A");
        if (leaf) Add(6, "D");
        if (level > 1 && (value & PageSizeBit) != 0) names.Add("PS");
        if (level == 1) Add(7, "PAT");
        if (leaf) Add(8, "G");
        if (leaf && level > 1) Add(12, "PAT");
        if (leaf && keys) names.Add(Key(ProtectionKey.Of(ProtectionKey.RightsOf(value))));
        if (wide) Add(ExecuteDisableBit, "XD");
        return names;

        void Add(int bit, string name)
        {
            if ((value & (1UL << bit)) != 0) names.Add(name);
        }
    }

    /// <summary>Size of a page in words.</summary>
    public static string PageSize(int shift) => shift switch { 12 => "4-KiB", 21 => "2-MiB", 22 => "4-MiB", _ => "1-GiB" };

    /// <summary>A protection key in words.</summary>
    public static string Key(int key) => string.Create(CultureInfo.InvariantCulture, $"key {key}");

    /// <summary>Rights in words.</summary>
    /// <param name="rights">They.</param>
    /// <param name="keys">Pages have protection keys.</param>
    public static string Rights(PageRights rights, bool keys) =>
        ((rights & PageRights.Writable) != 0 ? "writable" : "read-only") +
        ((rights & PageRights.User) != 0 ? ", user" : ", supervisor") +
        ((rights & PageRights.Executable) != 0 ? ", executable" : ", no execution") +
        ((rights & PageRights.Global) != 0 ? ", global" : "") +
        (keys ? $", {Key(ProtectionKey.Of(rights))}" : "");
}
