namespace Vitrine.Explain.EntryDumps;

/// <summary>How the run ended after which a dump was taken.</summary>
public enum RunEndKind
{
    /// <summary>The dump doesn't say.</summary>
    NotSaid,

    /// <summary>The processor refused to enter the guest.</summary>
    Refused,

    /// <summary>The guest was entered and left by an ordinary exit.</summary>
    Exited,

    /// <summary>The guest was entered, and KVM gave up on what it did then.</summary>
    InternalError,
}
