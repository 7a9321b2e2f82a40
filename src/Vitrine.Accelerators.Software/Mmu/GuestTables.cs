using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>Guest memory as the page walker reads and marks it.</summary>
internal readonly unsafe struct GuestTables(GuestPhysicalMemory memory, CodeGuard guard) : IPageTableMemory
{
    // SAFETY: HostFor checks that the whole entry lies in a slot; entries are naturally aligned, as the walker promises.

    /// <inheritdoc/>
    public bool TryRead(ulong gpa, int size, out ulong value)
    {
        byte* host = memory.HostFor(gpa, size, out _);
        if (host == null)
        {
            value = 0;
            return false;
        }

        value = size == 4 ? Volatile.Read(ref *(uint*)host) : Volatile.Read(ref *(ulong*)host);
        return true;
    }

    /// <inheritdoc/>
    public bool TryCompareExchange(ulong gpa, int size, ulong expected, ulong desired)
    {
        byte* host = memory.HostFor(gpa, size, out SlotView? slot);
        if (host == null || slot!.ReadOnly) return false;
        guard.BeginWrite(host, size);
        bool exchanged = size == 4
            ? Interlocked.CompareExchange(ref *(uint*)host, (uint)desired, (uint)expected) == (uint)expected
            : Interlocked.CompareExchange(ref *(ulong*)host, desired, expected) == expected;
        slot.MarkDirty(gpa);
        guard.EndWrite();
        return exchanged;
    }
}
