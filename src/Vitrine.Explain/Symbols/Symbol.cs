namespace Vitrine.Explain.Symbols;

/// <summary>A symbol of a file.</summary>
/// <param name="Address">Where it was linked to.</param>
/// <param name="Size">Bytes; 0 where the file doesn't say.</param>
/// <param name="Rank">Which of several at one address is told: the least.</param>
/// <param name="Name">Its name.</param>
internal readonly record struct Symbol(ulong Address, ulong Size, int Rank, string Name);
