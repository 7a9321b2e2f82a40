using System.Collections.Immutable;

namespace Vitrine.X86.VmEntry.Rules;

/// <summary>A check of VMLAUNCH and VMRESUME.</summary>
internal sealed class VmxRule : EntryRule
{
    public VmxRule(
        EntryRefusal refusal,
        string id,
        string section,
        ReadOnlySpan<VmcsField> fields,
        string text,
        string usualCause,
        Func<VmxView, bool> holds,
        Func<VmxView, bool>? applies = null)
        : base(refusal, id, section, Describe(fields), text, usualCause)
    {
        Holds = holds;
        Applies = applies;
        Subject = fields[0];
    }

    /// <summary>The field at fault.</summary>
    public VmcsField Subject { get; }

    /// <summary>The condition.</summary>
    public Func<VmxView, bool> Holds { get; }

    /// <summary>When the processor makes the check; null for always.</summary>
    public Func<VmxView, bool>? Applies { get; }

    private static ImmutableArray<EntryField> Describe(ReadOnlySpan<VmcsField> fields)
    {
        ImmutableArray<EntryField>.Builder described = ImmutableArray.CreateBuilder<EntryField>(fields.Length);
        foreach (VmcsField field in fields) described.Add(field.Describe());
        return described.MoveToImmutable();
    }
}
