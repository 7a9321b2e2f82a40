using Vitrine.Accelerators.Mmu;
using Vitrine.Explain.Model;

namespace Vitrine.Explain.Text;

/// <summary>What the entries of a walk and of shadow pages say of themselves.</summary>
internal static class WalkFacts
{
    /// <summary>The entry is one of PAE's four pointer registers.</summary>
    public static bool IsRegister(this WalkEntry entry) => entry.Name is "PDPTE0" or "PDPTE1" or "PDPTE2" or "PDPTE3";

    /// <summary>The entry maps a page instead of pointing at a table.</summary>
    public static bool IsLeaf(this WalkEntry entry) => entry.Level == 1 || entry.Bits.Contains("PS");

    /// <summary>An entry of a shadow page in words.</summary>
    public static string EntryText(this ShadowStep step) => step switch
    {
        { Present: false } => "absent",
        { Level: > 1 } => $"page #{step.Entry}",
        { Entry: 0 } => "no memory",
        _ => Hex.Of(step.Entry),
    };

    /// <summary>Entries have 8 bytes: all paging modes but 32-bit paging.</summary>
    public static bool HasWideEntries(this TranslationStory story) => !story.PagingMode.StartsWith("32-bit", StringComparison.Ordinal);
}
