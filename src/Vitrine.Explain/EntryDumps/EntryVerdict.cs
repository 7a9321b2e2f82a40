namespace Vitrine.Explain.EntryDumps;

/// <summary>What came of all checks on a dump.</summary>
public enum EntryVerdict
{
    /// <summary>No check fails, and nothing says that the processor refused.</summary>
    Enters,

    /// <summary>A check fails.</summary>
    Refused,

    /// <summary>The dump says that the processor refused, and no check that can be made on it fails.</summary>
    Unexplained,

    /// <summary>No check fails, but most could not be made.</summary>
    TooLittle,
}
