namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>How a stub's turn ended.</summary>
internal enum StubTurn
{
    /// <summary>It has done what it was to, and stands.</summary>
    Done,

    /// <summary>The host refused a system call; those behind it were not made, and what was to come behind them was not done.</summary>
    Refused,

    /// <summary>The process is gone.</summary>
    Ended,
}
