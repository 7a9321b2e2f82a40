namespace Vitrine.Explain.Model;

/// <summary>One entry check.</summary>
/// <param name="Rule">Its stable name.</param>
/// <param name="Section">The manual's section.</param>
/// <param name="Outcome">"passed", "failed", "not applicable" or "not checked".</param>
/// <param name="Condition">What must hold.</param>
/// <param name="Found">The offending value; empty unless it failed.</param>
public sealed record EntryCheckFact(string Rule, string Section, string Outcome, string Condition, string Found);
