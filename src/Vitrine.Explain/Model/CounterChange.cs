namespace Vitrine.Explain.Model;

/// <summary>A counter of the MMU that moved.</summary>
/// <param name="Name">Its name.</param>
/// <param name="By">By how much.</param>
public sealed record CounterChange(string Name, ulong By);
