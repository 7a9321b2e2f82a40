using System.Runtime.Intrinsics;
using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Blocks;

/// <summary>The bytes of a page that code was decoded from.</summary>
internal sealed unsafe class CoveredBytes
{
    // SAFETY: Differ reads 64 bytes for each element, which are within the pages that it is given.
    private const int PageSize = Page.Size;
    private readonly ulong[] _bits = new ulong[PageSize / 64];

    /// <summary>Adds a range; what reaches beyond the page is left out.</summary>
    public void Cover(int offset, int length)
    {
        int end = Math.Min(offset + length, PageSize);
        for (int next; offset < end; offset = next)
        {
            next = Math.Min(end, (offset | 63) + 1);
            _bits[offset >> 6] |= (ulong.MaxValue >> (64 - (next - offset))) << offset;
        }
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

    /// <summary>True when two pages differ in a byte that was added. Reads nothing of lines of 64 bytes in which none was.</summary>
    public bool Differ(byte* page, byte* other)
    {
        for (int line = 0; line < _bits.Length; line++)
        {
            ulong bits = _bits[line];
            if (bits == 0) continue;
            ulong equal = Vector512.Equals(Vector512.Load(page + (line * 64)), Vector512.Load(other + (line * 64))).ExtractMostSignificantBits();
            if ((~equal & bits) != 0) return true;
        }

        return false;
    }
}
