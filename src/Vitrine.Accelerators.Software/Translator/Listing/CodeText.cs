using Iced.Intel;

namespace Vitrine.Accelerators.Software.Translator.Listing;

/// <summary>How code is written in listings, guest's and host's.</summary>
internal static class CodeText
{
    /// <summary>Numbers as C# has them.</summary>
    public static FormatterOptions Options() => new() { HexPrefix = "0x", HexSuffix = null, UppercaseHex = false, ShowBranchSize = false, BranchLeadingZeros = false };
}
