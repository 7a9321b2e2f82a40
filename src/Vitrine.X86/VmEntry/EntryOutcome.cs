namespace Vitrine.X86.VmEntry;

/// <summary>What came of a check.</summary>
public enum EntryOutcome
{
    /// <summary>The condition holds.</summary>
    Passed,

    /// <summary>It doesn't: the processor refuses to enter.</summary>
    Failed,

    /// <summary>The processor doesn't make this check in the present mode.</summary>
    NotApplicable,

    /// <summary>A field that decides it is missing, or only the host's kernel knows it.</summary>
    NotChecked,
}
