using Vitrine.Accelerators.Mmu;

namespace Vitrine.Explain.Text;

/// <summary>Shadow pages as text.</summary>
internal static class ShadowStepText
{
    /// <summary>An entry of a shadow page in words.</summary>
    public static string EntryText(this ShadowStep step) => step switch
    {
        { Present: false } => "absent",
        { Level: > 1 } => $"page #{step.Entry}",
        { Entry: 0 } => "no memory",
        _ => Hex.Of(step.Entry),
    };
}
