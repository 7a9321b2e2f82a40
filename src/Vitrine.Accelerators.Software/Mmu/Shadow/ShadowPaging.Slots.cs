namespace Vitrine.Accelerators.Software.Mmu.Shadow;

/// <content>Memory slots that come and go.</content>
internal sealed unsafe partial class ShadowPaging
{
    // SAFETY: as in the main part.
    /// <inheritdoc/>
    public override void FollowSlots(IReadOnlyList<SlotView> removed, IReadOnlyList<SlotView> added)
    {
        // The lists of pages that leave the table are in the tracking of the old slots.
        SlotView[] slots = _memory.Slots;
        DropLeavesTo(removed);
        DropLeavesTo(added);
        foreach (SlotTracking tracking in _tracking)
        {
            int slot = Array.IndexOf(slots, tracking.Slot);
            bool aliased = slot >= 0 && IsAliased(slots, slot);
            if (slot < 0 || (aliased && !tracking.Aliased)) ZapTablesIn(tracking);
            tracking.Aliased = aliased;
        }

        SlotTracking[] old = _tracking;
        _tracking = [.. slots.Select((view, i) => Array.Find(old, tracking => tracking.Slot == view) ?? new SlotTracking(view, IsAliased(slots, i)))];
        foreach (SlotTracking gone in old.Except(_tracking)) gone.Dispose();
        _trackedSlots = slots;
        _lastTracking = null;
    }

    /// <summary>Takes out what maps guest-physical addresses of slots, memory or not.</summary>
    private void DropLeavesTo(IReadOnlyList<SlotView> slots)
    {
        if (slots.Count == 0) return;
        for (int page = _pool.Oldest; page != 0; page = _pool[page].Younger)
        {
            if (_pool[page].Role.Level != 1) continue;
            for (int i = 0; i < ShadowPagePool.EntriesPerPage; i++)
            {
                if (_pool.Entries(page)[i] == 0) continue;
                ulong gpa = _pool.MappedPage(page, i);
                for (int slot = 0; slot < slots.Count; slot++)
                {
                    if (gpa - slots[slot].Start >= slots[slot].Size) continue;
                    DropLeaf(page, i);
                    break;
                }
            }
        }
    }

    /// <summary>Throws the shadow pages of the guest tables in a slot away.</summary>
    private void ZapTablesIn(SlotTracking slot)
    {
        int page = _pool.Oldest;
        while (page != 0)
        {
            int younger = _pool[page].Younger;
            if (!_pool[page].Role.Direct && (_pool[page].Frame << 12) - slot.Start < slot.Size) Zap(page);
            page = younger;
        }
    }

    /// <summary>Takes over other slots: the table is empty, its quota follows the size of memory.</summary>
    private void TakeSlots()
    {
        foreach (SlotTracking tracking in _tracking) tracking.Dispose();
        SlotView[] slots = _memory.Slots;
        _trackedSlots = slots;
        _tracking = new SlotTracking[slots.Length];
        _lastTracking = null;
        for (int i = 0; i < slots.Length; i++)
        {
            _tracking[i] = new SlotTracking(slots[i], IsAliased(slots, i));
        }

        _pool.Dispose();
        _pool = new ShadowPagePool(GuestPages());
    }

    private ulong GuestPages()
    {
        ulong pages = 0;
        foreach (SlotView slot in _memory.Slots) pages += slot.Size >> 12;
        return pages;
    }

    /// <summary>Another slot shows some of the same memory, and one of the two can be written.</summary>
    private static bool IsAliased(SlotView[] slots, int slot)
    {
        SlotView view = slots[slot];
        for (int i = 0; i < slots.Length; i++)
        {
            SlotView other = slots[i];
            bool overlaps = i != slot && view.Host < other.Host + other.Size && other.Host < view.Host + view.Size;
            if (overlaps && !(view.ReadOnly && other.ReadOnly)) return true;
        }

        return false;
    }
}
