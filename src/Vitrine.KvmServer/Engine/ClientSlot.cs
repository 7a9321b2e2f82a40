using Vitrine.Accelerators;
using Vitrine.Kvm.Abi;
using Vitrine.Memory;
using Vitrine.X86;

namespace Vitrine.KvmServer.Engine;

/// <summary>
/// A memory slot as the client has set it, with its dirty log. The CPU has of it what is mapped: one slot for the whole of it as a rule, none or several where
/// the client has left holes.
/// </summary>
/// <param name="region">What the client has said.</param>
/// <param name="pieces">The slots as the CPU has them, ascending.</param>
internal sealed class ClientSlot(kvm_userspace_memory_region region, IReadOnlyList<MemorySlot> pieces)
{
    private const int PageSize = 4096;
    private const int WordBits = 64;

    // What the client has read and not cleared yet, where it clears by hand.
    private ulong[]? _unclear;

    /// <summary>What the client has said.</summary>
    public kvm_userspace_memory_region Region { get; } = region;

    /// <summary>The slots as the CPU has them, ascending.</summary>
    public IReadOnlyList<MemorySlot> Pieces { get; } = pieces;

    /// <summary>First guest-physical address.</summary>
    public ulong Start => Region.guest_phys_addr;

    /// <summary>First guest-physical address after the slot.</summary>
    public ulong End => Region.guest_phys_addr + Region.memory_size;

    /// <summary>Rights and logging.</summary>
    public MemorySlotFlags Flags => (MemorySlotFlags)Region.flags;

    /// <summary>True when what is written is remembered.</summary>
    public bool IsLogged => (Flags & MemorySlotFlags.LogDirtyPages) != 0;

    /// <summary>True when all of it is mapped, with the rights that the client has said.</summary>
    public bool IsWhole => Pieces.Count == 1 && Pieces[0].Size == Region.memory_size && Pieces[0].Flags == Flags;

    private ulong Pages => Region.memory_size / PageSize;

    /// <summary>True when the guest's access meets memory that is not mapped, or may not be written, where the client says there is some.</summary>
    public bool IsHole(ulong address, bool isWrite)
    {
        if (address - Start >= Region.memory_size || (isWrite && (Flags & MemorySlotFlags.ReadOnly) != 0)) return false;
        foreach (MemorySlot piece in Pieces)
        {
            if (piece.Contains(new Gpa(address))) return isWrite && piece.ReadOnly;
        }

        return true;
    }

    /// <summary>Takes over what of a slot that it stands for has been written.</summary>
    public void TakeLog(ClientSlot former, IAccelerator accelerator)
    {
        if (IsLogged && former.IsLogged) _unclear = former.Read(accelerator, clears: false);
    }

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
        foreach (MemorySlot piece in Pieces)
        {
            ulong[] written = new ulong[((piece.Size / PageSize) + WordBits - 1) / WordBits];
            accelerator.GetDirtyLog(piece, written);
            Merge(bitmap, written, (piece.Start.Value - Start) / PageSize);
        }

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

    // Where a piece begins in the middle of a word its own words lie across two.
    private static void Merge(ulong[] bitmap, ulong[] written, ulong firstPage)
    {
        int shift = (int)(firstPage % WordBits);
        for (int i = 0; i < written.Length; i++)
        {
            int word = (int)(firstPage / WordBits) + i;
            bitmap[word] |= written[i] << shift;
            if (shift != 0 && word + 1 < bitmap.Length) bitmap[word + 1] |= written[i] >> (WordBits - shift);
        }
    }

    private ulong[] NewBitmap() => new ulong[(Pages + WordBits - 1) / WordBits];
}
