namespace Vitrine.Explain.Model;

/// <summary>A register's value.</summary>
/// <param name="Name">Its name in the manuals.</param>
/// <param name="Value">The value as text; segments with selector, base, limit and access rights.</param>
/// <param name="Note">What is remarkable about it; empty when nothing is.</param>
/// <param name="Evidence">How it is known.</param>
public sealed record RegisterFact(string Name, string Value, string Note, Evidence Evidence);
