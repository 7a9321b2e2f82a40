namespace Vitrine.X86.VmEntry;

/// <summary>What came of one check.</summary>
/// <param name="Rule">The check.</param>
/// <param name="Outcome">What came of it.</param>
/// <param name="Value">The value of the rule's first field; null where it isn't known.</param>
/// <param name="Unknown">The field for whose sake it was not checked; else null.</param>
/// <param name="UnknownToHost">True when <paramref name="Unknown"/> is chosen by the host's kernel, false when it is missing.</param>
public sealed record EntryCheckResult(EntryRule Rule, EntryOutcome Outcome, ulong? Value, EntryField? Unknown = null, bool UnknownToHost = false)
{
    /// <summary>Field and value at fault, as in "Guest CS base = 0xffff0000".</summary>
    public string Offence => Value is { } value ? $"{Rule.Fields[0].Name} = 0x{value:x}" : Rule.Fields[0].Name;
}
