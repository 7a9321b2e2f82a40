namespace Vitrine.Explain.Model;

/// <summary>A register that changed.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Before">Value before.</param>
/// <param name="After">Value after.</param>
public sealed record RegisterChange(string Name, string Before, string After);
