namespace Vitrine.X86.Paging;

/// <summary>Why a walk ended without a translation.</summary>
public enum PageFaultKind
{
    /// <summary>It didn't: there is a translation and the access is allowed.</summary>
    None,

    /// <summary>An entry has its present bit clear.</summary>
    NotPresent,

    /// <summary>A reserved bit is set in a present entry.</summary>
    ReservedBit,

    /// <summary>There is a translation, but its rights forbid the access.</summary>
    Protection,
}
