using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Blocks;

/// <summary>The bytes of a page that code was decoded from.</summary>
internal sealed class CoveredBytes
{
    private const int PageSize = Page.Size;
    private readonly ulong[] _bits = new ulong[PageSize / 64];

    /// <summary>Adds a range; what reaches beyond the page is left out.</summary>
    public void Cover(int offset, int length)
    {
        for (int i = offset; i < Math.Min(offset + length, PageSize); i++) _bits[i >> 6] |= 1UL << i;
    }

    /// <summary>Takes out everything.</summary>
    public void Clear() => Array.Clear(_bits);

    /// <summary>True when a byte of a range was added.</summary>
    public bool Covers(int offset, int length)
    {
        for (int i = offset; i < Math.Min(offset + length, PageSize); i++)
        {
            if ((_bits[i >> 6] & (1UL << i)) != 0) return true;
        }

        return false;
    }
}
