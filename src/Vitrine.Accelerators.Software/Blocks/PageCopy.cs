using System.Runtime.InteropServices;
using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Blocks;

/// <summary>
/// A copy of a page, which code is decoded from where memory is written by others: it stays what it is while a block is made of it, whoever writes to the page
/// meanwhile.
/// </summary>
internal sealed unsafe class PageCopy : IDisposable
{
    // SAFETY: an allocation of one page, freed in Dispose; callers give addresses in pages of guest memory.
    private readonly byte* _bytes = (byte*)NativeMemory.AlignedAlloc(Page.Size, Page.Size);

    /// <summary>Copies the page of a host address.</summary>
    /// <returns>The copy's first byte.</returns>
    public byte* Take(byte* host)
    {
        NativeMemory.Copy((byte*)((ulong)host & Page.AddressMask), _bytes, Page.Size);
        return _bytes;
    }

    /// <inheritdoc/>
    public void Dispose() => NativeMemory.AlignedFree(_bytes);
}
