using Vitrine.Accelerators;
using Vitrine.Kvm.Abi;
using Vitrine.Memory;

namespace Vitrine.KvmServer.Engine;

/// <summary>A memory slot as the client has set it, with its dirty log.</summary>
/// <param name="region">What the client has said.</param>
/// <param name="slot">The slot as the CPU has it.</param>
internal sealed class ClientSlot(kvm_userspace_memory_region region, MemorySlot slot)
{
    private const int PageSize = 4096;
    private const int WordBits = 64;

    // What the client has read and not cleared yet, where it clears by hand.
    private ulong[]? _unclear;

    /// <summary>What the client has said.</summary>
    public kvm_userspace_memory_region Region { get; } = region;

    /// <summary>The slot as the CPU has it.</summary>
    public MemorySlot Slot { get; } = slot;

    /// <summary>True when what is written is remembered.</summary>
    public bool IsLogged => (Slot.Flags & MemorySlotFlags.LogDirtyPages) != 0;

    private ulong Pages => Slot.Size / PageSize;

    /// <summary>Every page counts as written.</summary>
    public void BeginDirty()
    {
        _unclear = NewBitmap();
        Array.Fill(_unclear, ulong.MaxValue);
        if (Pages % WordBits != 0) _unclear[^1] = (1UL << (int)(Pages % WordBits)) - 1;
    }

    /// <summary>Pages that have been written since the log was last cleared, a bit for each.</summary>
    /// <param name="accelerator">Who has the log.</param>
    /// <param name="clears">Reading clears.</param>
    public ulong[] Read(IAccelerator accelerator, bool clears)
    {
        ulong[] bitmap = NewBitmap();
        accelerator.GetDirtyLog(Slot, bitmap);
        for (int i = 0; _unclear is not null && i < bitmap.Length; i++) bitmap[i] |= _unclear[i];
        _unclear = clears ? null : (ulong[])bitmap.Clone();
        return bitmap;
    }

    /// <summary>Clears what the client has read (KVM_CLEAR_DIRTY_LOG).</summary>
    /// <param name="first">The first page, a multiple of 64.</param>
    /// <param name="pages">How many: a multiple of 64, unless they reach to the slot's end.</param>
    /// <param name="bitmap">Which of them.</param>
    public void Clear(ulong first, uint pages, ReadOnlySpan<ulong> bitmap)
    {
        if (_unclear is null) return;
        for (int i = 0; i < bitmap.Length; i++)
        {
            ulong bits = bitmap[i];
            if (i == bitmap.Length - 1 && pages % WordBits != 0) bits &= (1UL << (int)(pages % WordBits)) - 1;
            _unclear[(int)(first / WordBits) + i] &= ~bits;
        }
    }

    /// <summary>True when a range that is to be cleared can begin at a page.</summary>
    public static bool IsAligned(ulong first) => first % WordBits == 0;

    /// <summary>True when a range can be cleared.</summary>
    public bool IsRange(ulong first, uint pages) =>
        IsAligned(first) && first <= Pages && pages <= Pages - first && (pages % WordBits == 0 || first + pages == Pages);

    private ulong[] NewBitmap() => new ulong[(Pages + WordBits - 1) / WordBits];
}
