namespace Vitrine.Accelerators.Software.Blocks;

/// <summary>Guest code that the host's processor executes as it is, as the cache of decoded blocks sees it: it ends where the blocks of its page would be dropped.</summary>
internal unsafe interface INativeCode
{
    /// <summary>The bytes of a page are about to change, or may have: it is not executed any more.</summary>
    /// <param name="page">Host address of the page.</param>
    void EndCode(byte* page);

    /// <summary>All pages may have changed.</summary>
    void EndAllCode();
}
