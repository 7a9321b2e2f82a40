using System.Runtime.InteropServices;
using Vitrine.Memory;

namespace Vitrine.Accelerators.Software.Sharing;

/// <summary>A word, or some, for each page of the host memory that slots show: two slots with one memory have the same words.</summary>
/// <param name="words">How many for each page.</param>
internal sealed unsafe class HostPageWords(int words = 1) : IDisposable
{
    // SAFETY: a word is found by an address inside a region, whose words cover all its pages and live as long as this object.
    private const int PageShift = 12;
    private volatile Region[] _regions = [];

    /// <summary>The first word of the page of a host address in memory that was added.</summary>
    public ref uint this[byte* host]
    {
        get
        {
            foreach (Region region in _regions)
            {
                ulong offset = (ulong)host - region.Start;
                if (offset < region.Size) return ref region.Words[(offset >> PageShift) * (ulong)words];
            }

            throw new InvalidOperationException("The address is not the host address of a memory slot.");
        }
    }

    /// <summary>Covers the host memory of a slot, with zeros where it is new. Before anything asks for its words.</summary>
    public void AddMemory(MemorySlot slot)
    {
        // Words of memory that is gone stay: a thread may just be looking at them. What is mapped there next finds them.
        ulong start = (ulong)slot.Host.Pointer;
        ulong size = slot.Host.Size;
        if (_regions.Any(region => region.Start <= start && region.Start + region.Size >= start + size)) return;
        _regions = [.. _regions, new Region(start, size, (uint*)NativeMemory.AllocZeroed((nuint)(size >> PageShift), (nuint)(words * sizeof(uint))))];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Region region in _regions) NativeMemory.Free(region.Words);
        _regions = [];
    }

    private sealed class Region(ulong start, ulong size, uint* words)
    {
        public readonly ulong Start = start;
        public readonly ulong Size = size;
        public readonly uint* Words = words;
    }
}
