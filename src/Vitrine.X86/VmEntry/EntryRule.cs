using System.Collections.Immutable;

namespace Vitrine.X86.VmEntry;

/// <summary>One check that the processor makes at VM entry.</summary>
public abstract class EntryRule
{
    private protected EntryRule(EntryRefusal refusal, string id, string section, ImmutableArray<EntryField> fields, string text, string usualCause)
    {
        Refusal = refusal;
        Id = id;
        Section = section;
        Fields = fields;
        Text = text;
        UsualCause = usualCause;
    }

    /// <summary>Stable name, such as "guest.cs.type".</summary>
    public string Id { get; }

    /// <summary>The manual's section: of SDM vol. 3 in the editions whose chapter "VM Entries" is 26, or of APM vol. 2.</summary>
    public string Section { get; }

    /// <summary>Manual and section.</summary>
    public string Manual => Refusal == EntryRefusal.Svm ? $"APM vol. 2, {Section}" : $"SDM vol. 3, {Section}";

    /// <summary>The condition that must hold.</summary>
    public string Text { get; }

    /// <summary>What usually led to a value that fails.</summary>
    public string UsualCause { get; }

    /// <summary>How the processor refuses when the condition doesn't hold.</summary>
    public EntryRefusal Refusal { get; }

    /// <summary>The fields that the check looks at; the first is the one at fault when it fails.</summary>
    public ImmutableArray<EntryField> Fields { get; }

    /// <inheritdoc/>
    public override string ToString() => Id;
}
