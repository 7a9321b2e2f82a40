namespace Vitrine.Explain.Html;

/// <summary>A column of a table.</summary>
/// <param name="Name">Its head.</param>
/// <param name="Style">"number" (to the right), "code" (monospaced), or null for running text.</param>
/// <param name="IsHead">Its cells name their rows.</param>
internal readonly record struct HtmlColumn(string Name, string? Style = null, bool IsHead = false);
