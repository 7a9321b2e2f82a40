using Vitrine.Explain.Model;

namespace Vitrine.Explain.Text;

/// <summary>Names of addresses as text.</summary>
internal static class SymbolText
{
    /// <summary>Writes those of some kinds.</summary>
    public static void Write(IReadOnlyList<SymbolFact>? symbols, StoryWriter writer, params ReadOnlySpan<string> kinds)
    {
        foreach (SymbolFact symbol in symbols ?? [])
        {
            if (!kinds.Contains(symbol.What)) continue;
            if (symbol.What == "CS:RIP") writer.Fact(symbol.Evidence, "symbol", symbol.Name, TextStyle.Accent);
            else writer.Fact(symbol.Evidence, symbol.What, $"{Hex.Of(symbol.Address)}, {symbol.Name}");
        }
    }
}
