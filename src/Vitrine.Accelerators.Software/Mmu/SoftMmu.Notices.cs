using Vitrine.Accelerators.Software.Sharing;

namespace Vitrine.Accelerators.Software.Mmu;

/// <content>Writes to memory by others than vCPUs, where there is one vCPU: what was derived from the old bytes goes.</content>
internal sealed unsafe partial class SoftMmu
{
    // SAFETY: ranges are of slots' memory, which is named only.
    private readonly List<HostRange> _written = [];

    /// <summary>Follows all writes that came to notice. Between blocks.</summary>
    /// <returns>False when there were too many: all code must go.</returns>
    public bool TryFollowWrites()
    {
        FollowTableWrites();
        if (!_presence.CodeWrites.Waiting) return true;
        bool kept = _presence.CodeWrites.TryTake(_written);
        foreach (HostRange range in _written)
        {
            for (ulong at = range.Start; at < range.Start + range.Length; at += SizeInPage(range, at)) _guard.Drop((byte*)at, (int)SizeInPage(range, at));
        }

        _written.Clear();
        return kept;
    }

    /// <summary>
    /// Shadow tables follow writes to the guest's. Before each flush that the guest asks for: what it has changed by a device must be among what the flush
    /// compares.
    /// </summary>
    private void FollowTableWrites()
    {
        if (!_presence.TableWrites.Waiting) return;
        if (!_presence.TableWrites.TryTake(_written))
        {
            _written.Clear();
            _translator.Reset();
            FlushAll();
            return;
        }

        foreach (HostRange range in _written)
        {
            for (ulong at = range.Start; at < range.Start + range.Length; at += SizeInPage(range, at)) FollowTableWrite((byte*)at, (int)SizeInPage(range, at));
        }

        _written.Clear();
    }

    /// <summary>The same memory may be tables under several addresses.</summary>
    private void FollowTableWrite(byte* host, int size)
    {
        foreach (SlotView slot in _memory.Slots)
        {
            if (host >= slot.Host && host < slot.Host + slot.Size) _translator.OnWrite(slot.Start + (ulong)(host - slot.Host), size);
        }
    }

    private static ulong SizeInPage(HostRange range, ulong at) => Math.Min(range.Start + range.Length, (at & PageMask) + 0x1000) - at;
}
