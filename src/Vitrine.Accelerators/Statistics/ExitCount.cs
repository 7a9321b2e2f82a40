namespace Vitrine.Accelerators.Statistics;

/// <summary>How often translated code went back to the dispatcher for a cause.</summary>
/// <param name="Cause">The cause: "lookup", "link", "interpret", "poll", "read", ...</param>
/// <param name="Count">How often.</param>
public sealed record ExitCount(string Cause, ulong Count);
