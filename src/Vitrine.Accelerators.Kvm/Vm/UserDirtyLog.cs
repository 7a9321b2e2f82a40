using Vitrine.Memory;

namespace Vitrine.Accelerators.Kvm.Vm;

/// <summary>Which pages of a slot the host's own programs have written: KVM logs what goes through its MMU, which their writes do not.</summary>
/// <param name="slot">The slot.</param>
internal sealed unsafe class UserDirtyLog(MemorySlot slot)
{
    // SAFETY: addresses are compared only; nothing is read through them.
    private const int PageShift = 12;
    private readonly ulong[] _bits = new ulong[((slot.Size >> PageShift) + 63) / 64];

    /// <summary>Notes the pages of a range of host memory that the slot shows. After the write. Any thread.</summary>
    public void Mark(byte* host, ulong length)
    {
        byte* start = slot.Pointer;
        byte* end = start + slot.Size;
        byte* first = host < start ? start : host;
        byte* behind = host + length > end ? end : host + length;
        if (first >= behind) return;
        ulong last = (ulong)(behind - 1 - start) >> PageShift;
        for (ulong page = (ulong)(first - start) >> PageShift; page <= last; page++) Interlocked.Or(ref _bits[page >> 6], 1UL << (int)page);
    }

    /// <summary>Adds the pages to a bitmap and forgets them.</summary>
    public void TakeInto(Span<ulong> bitmap)
    {
        for (int i = 0; i < _bits.Length; i++) bitmap[i] |= Interlocked.Exchange(ref _bits[i], 0);
    }
}
