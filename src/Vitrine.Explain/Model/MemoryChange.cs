namespace Vitrine.Explain.Model;

/// <summary>Memory that an instruction wrote.</summary>
/// <param name="Linear">Linear address.</param>
/// <param name="Gpa">Guest-physical address.</param>
/// <param name="Before">Bytes before, in hexadecimal.</param>
/// <param name="After">Bytes after.</param>
public sealed record MemoryChange(ulong Linear, ulong Gpa, string Before, string After);
