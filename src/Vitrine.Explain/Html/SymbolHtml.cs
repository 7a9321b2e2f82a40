using Vitrine.Explain.Model;
using Vitrine.Explain.Text;

namespace Vitrine.Explain.Html;

/// <summary>Names of addresses.</summary>
internal static class SymbolHtml
{
    private const string Place = "CS:RIP";

    /// <summary>Writes those of some kinds.</summary>
    public static void Write(IReadOnlyList<SymbolFact> symbols, FactList facts, params ReadOnlySpan<string> kinds)
    {
        foreach (SymbolFact symbol in symbols)
        {
            if (!kinds.Contains(symbol.What)) continue;
            if (symbol.What == Place) facts.Fact(symbol.Evidence, "symbol", symbol.Name, "code");
            else facts.Fact(symbol.Evidence, symbol.What, $"{Hex.Of(symbol.Address)}, {symbol.Name}");
        }
    }

    /// <summary>What stands before an instruction: the symbol that it is in, and a colon; empty for none.</summary>
    public static string Before(IReadOnlyList<SymbolFact> symbols) => symbols.FirstOrDefault(static symbol => symbol.What == Place) is { } place ? $"{place.Name}: " : "";
}
