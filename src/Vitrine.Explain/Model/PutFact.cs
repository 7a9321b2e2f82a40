namespace Vitrine.Explain.Model;

/// <summary>One put of state into the accelerator.</summary>
/// <param name="Level">Runtime, Reset or Full.</param>
/// <param name="DirtyBefore">Our copy was the truth.</param>
/// <param name="DirtyAfter">It still is.</param>
/// <param name="Changes">Registers that the accelerator held another value of.</param>
/// <param name="Evidence">How it is known.</param>
public sealed record PutFact(string Level, bool DirtyBefore, bool DirtyAfter, IReadOnlyList<RegisterChange> Changes, Evidence Evidence);
