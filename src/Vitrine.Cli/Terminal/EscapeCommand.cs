namespace Vitrine.Cli.Terminal;

/// <summary>What Ctrl-A and the key after it ask for.</summary>
internal enum EscapeCommand
{
    /// <summary>Nothing: the key goes to the guest, or the escape is not complete.</summary>
    None,

    /// <summary>Ctrl-A X: leave.</summary>
    Leave,

    /// <summary>Ctrl-A H: help.</summary>
    Help,
}
