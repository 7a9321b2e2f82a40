namespace Vitrine.Accelerators.Software.Translator.Listing;

/// <summary>What stands behind a call to shared code, see <see cref="ExitReason"/>.</summary>
internal enum SiteKind
{
    /// <summary>The next instruction.</summary>
    None,

    /// <summary>An offset in the page (16 bits).</summary>
    Offset,

    /// <summary>An instruction's offset in the page (16 bits), the access's size less one (8 bits).</summary>
    Access,

    /// <summary>A target's offset in the page (16 bits), the place of the branch's distance (32 bits), whether it goes backwards (8 bits).</summary>
    Branch,
}
