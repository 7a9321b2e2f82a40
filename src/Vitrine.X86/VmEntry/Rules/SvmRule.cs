using System.Collections.Immutable;

namespace Vitrine.X86.VmEntry.Rules;

/// <summary>A check of VMRUN.</summary>
internal sealed class SvmRule : EntryRule
{
    public SvmRule(
        string id,
        string section,
        ReadOnlySpan<VmcbField> fields,
        string text,
        string usualCause,
        Func<SvmView, bool> holds,
        Func<SvmView, bool>? applies = null)
        : base(EntryRefusal.Svm, id, section, Describe(fields), text, usualCause)
    {
        Holds = holds;
        Applies = applies;
        Subject = fields[0];
    }

    /// <summary>The field at fault.</summary>
    public VmcbField Subject { get; }

    /// <summary>The condition.</summary>
    public Func<SvmView, bool> Holds { get; }

    /// <summary>When the processor makes the check; null for always.</summary>
    public Func<SvmView, bool>? Applies { get; }

    private static ImmutableArray<EntryField> Describe(ReadOnlySpan<VmcbField> fields)
    {
        ImmutableArray<EntryField>.Builder described = ImmutableArray.CreateBuilder<EntryField>(fields.Length);
        foreach (VmcbField field in fields) described.Add(field.Describe());
        return described.MoveToImmutable();
    }
}
