using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Software.Mmu.Shadow;

/// <summary>What shadow paging knows of each guest page of one slot.</summary>
internal sealed unsafe class SlotTracking : IDisposable
{
    // SAFETY: the arrays have one element for each page of the slot; indices come from addresses that were checked against it.
    private const ulong ClearedInPlace = 1 << 18;
    private readonly ulong _pages;
    private PageState* _states;

    /// <summary>Tracks a slot.</summary>
    /// <param name="slot">The slot.</param>
    /// <param name="aliased">Another slot shows some of its memory.</param>
    public SlotTracking(SlotView slot, bool aliased)
    {
        Slot = slot;
        Start = slot.Start;
        Size = slot.Size;
        Aliased = aliased;
        _pages = slot.Size >> 12;
        _states = Allocate();
    }

    /// <summary>The slot.</summary>
    public SlotView Slot { get; }

    /// <summary>First guest-physical address.</summary>
    public ulong Start { get; }

    /// <summary>Size in bytes.</summary>
    public ulong Size { get; }

    /// <summary>
    /// The same memory can be written under another guest-physical address, which no write tracking would notice: tables here are
    /// walked at every miss, and never shadowed.
    /// </summary>
    public bool Aliased { get; set; }

    /// <summary>The state of the page of an address in the slot.</summary>
    public ref PageState this[ulong gpa] => ref _states[(gpa - Start) >> 12];

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        if (_pages <= ClearedInPlace)
        {
            NativeMemory.Clear(_states, (nuint)_pages * (nuint)sizeof(PageState));
            return;
        }

        // Fresh memory of the host costs only what is touched of it.
        NativeMemory.Free(_states);
        _states = Allocate();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.Free(_states);
        _states = null;
    }

    private PageState* Allocate() => (PageState*)NativeMemory.AllocZeroed((nuint)_pages, (nuint)sizeof(PageState));

    /// <summary>One guest page.</summary>
    internal struct PageState
    {
        /// <summary>The reverse map: first shadow entry that maps the page with the dirty bit set, so that a TLB may hold it writable.</summary>
        public int FirstWriter;

        /// <summary>
        /// Bits 31:1: the <see cref="Tlb.Epoch"/> in which an entry left the reverse map; the TLB may still hold it. Bit 0: writes are tracked.
        /// </summary>
        private uint _bits;

        /// <summary>Guest writes to the page must be seen.</summary>
        public bool Tracked
        {
            readonly get => (_bits & 1) != 0;
            set => _bits = (_bits & ~1u) | (value ? 1u : 0);
        }

        /// <summary>Notes that an entry has left the reverse map without a look at the TLB.</summary>
        public void NoteStaleWriter(uint epoch) => _bits = (epoch << 1) | (_bits & 1);

        /// <summary>The TLB may hold a translation that is not in the reverse map.</summary>
        public readonly bool HasStaleWriter(uint epoch) => _bits >> 1 == (epoch & (uint.MaxValue >> 1));
    }
}
