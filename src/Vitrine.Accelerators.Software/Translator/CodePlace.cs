using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>What the entries that share a key have in common.</summary>
/// <param name="Page">Host address of the page of guest code.</param>
/// <param name="Mode">The mode that it was translated for.</param>
/// <param name="IsGlobal">The key is for all address spaces.</param>
internal readonly record struct CodePlace(nint Page, ExecutionMode Mode, bool IsGlobal)
{
    // SAFETY: only takes the address; the block is the cache's.

    /// <summary>The place of a block.</summary>
    public unsafe CodePlace(in TranslatedBlock block, bool isGlobal)
        : this((nint)block.Guest & ~0xFFF, block.Mode, isGlobal)
    {
    }
}
