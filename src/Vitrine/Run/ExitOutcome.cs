namespace Vitrine.Run;

/// <summary>What follows from an exit.</summary>
/// <param name="Kind">What the run loop does.</param>
/// <param name="Value">Debug-exit value or the hardware's reason; else 0.</param>
internal readonly record struct ExitOutcome(ExitKind Kind, uint Value = 0)
{
    /// <summary>Enter the guest again.</summary>
    public static ExitOutcome Continue => default;
}
