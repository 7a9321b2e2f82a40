namespace Vitrine.Accelerators.Software.Translator.Listing;

/// <summary>What stands behind a call to shared code, see <see cref="ExitReason"/>.</summary>
internal enum SiteKind
{
    /// <summary>The next instruction.</summary>
    None,

    /// <summary>An offset in the page (16 bits).</summary>
    Offset,

    /// <summary>A <see cref="MissSite"/>.</summary>
    Access,

    /// <summary>
    /// A target's offset in the page (16 bits), the place of the branch's distance (32 bits), <see cref="LinkTraits"/> (8 bits).
    /// </summary>
    Branch,
}
