namespace Vitrine.Explain.Model;

/// <summary>What the entries of a walk say of themselves.</summary>
internal static class WalkFacts
{
    /// <summary>The entry is one of PAE's four pointer registers.</summary>
    public static bool IsRegister(this WalkEntry entry) => entry.Name is "PDPTE0" or "PDPTE1" or "PDPTE2" or "PDPTE3";

    /// <summary>The entry maps a page instead of pointing at a table.</summary>
    public static bool IsLeaf(this WalkEntry entry) => entry.Level == 1 || entry.Bits.Contains("PS");

    /// <summary>Entries have 8 bytes: all paging modes but 32-bit paging.</summary>
    public static bool HasWideEntries(this TranslationStory story) => !story.PagingMode.StartsWith("32-bit", StringComparison.Ordinal);
}
