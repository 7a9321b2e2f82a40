using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Blocks;

/// <summary>The code that was made of one page of host memory.</summary>
internal sealed unsafe class CodePage : IDisposable
{
    // SAFETY: _source is null or an allocation of one page; Cover is given a whole page and an offset in it, and Differs the page itself.
    private const int CacheLine = 64;
    private byte* _source;

    /// <summary>The bytes that code was decoded from.</summary>
    public CoveredBytes Covered { get; } = new();

    /// <summary>The interpreter's block that was decoded last; null when there is none.</summary>
    public Block* First { get; set; }

    /// <summary>An engine's block that was made last; null when there is none.</summary>
    public void* FirstOfEngine { get; set; }

    /// <summary>The host's processor executes the page as it is: all of its bytes are code.</summary>
    public bool RunsNatively { get; set; }

    /// <summary>Writes to the page since its code was dropped.</summary>
    public int WritesSinceDrop { get; set; }

    /// <summary>The doubt for which the page was last compared with memory, see <see cref="BlockCache.Doubt"/>; 0 when it must be before it is used.</summary>
    public ulong VerifiedFor { get; set; }

    /// <summary>Nothing was made of the page that has not been dropped.</summary>
    public bool IsEmpty => First == null && FirstOfEngine == null && !RunsNatively;

    /// <summary>The bytes that the page had when its code was made, as far as they are <see cref="Covered"/>; null until some were taken.</summary>
    public byte* Source => _source;

    /// <summary>Forgets the code.</summary>
    public void Empty()
    {
        First = null;
        FirstOfEngine = null;
        RunsNatively = false;
        WritesSinceDrop = 0;
        Covered.Clear();
    }

    /// <summary>Code was made of a range of bytes; what reaches beyond the page is left out.</summary>
    /// <param name="offset">The first, as its distance from the start of the page.</param>
    /// <param name="length">How many.</param>
    /// <param name="copy">
    /// A copy of the whole page, which must agree with <see cref="Source"/> in what is covered already; null where memory is not compared.
    /// </param>
    public void Cover(int offset, int length, byte* copy)
    {
        Covered.Cover(offset, length);
        if (copy == null) return;
        if (_source == null) _source = (byte*)NativeMemory.AlignedAlloc(Page.Size, CacheLine);
        NativeMemory.Copy(copy + offset, _source + offset, (nuint)Math.Min(length, Page.Size - offset));
    }

    /// <summary>A byte that code was made of is another one now.</summary>
    /// <param name="page">The page, or a copy of it.</param>
    public bool Differs(byte* page) => _source != null && Covered.Differ(page, _source);

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.AlignedFree(_source);
        _source = null;
    }
}
