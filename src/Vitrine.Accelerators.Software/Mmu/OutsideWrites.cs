using System.Numerics;
using Vitrine.Accelerators.Software.Sharing;

namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>
/// Leads writes to memory that no vCPU makes (a device's, a loader's, a tool's) to whatever was derived from the old bytes: dirty logs, decoded and translated
/// code, shadow page tables. Memory is named by host address, so that a write through one slot is one through all that show the same memory.
/// </summary>
/// <remarks>
/// It comes after the write, and leaves requests: a vCPU carries them out before it runs anything after its next look at events, which it makes at once when it is
/// interrupted, and before it goes on after an exit. What is raised after this returns can therefore not overtake it.
/// </remarks>
internal sealed unsafe class OutsideWrites(VcpuGroup group)
{
    // SAFETY: addresses of slots, which are compared and named only.
    private const ulong PageBytes = 0x1000;

    /// <summary>Bytes of a slot's memory have been written. Any thread.</summary>
    /// <param name="slots">The machine's slots.</param>
    /// <param name="host">Host address of the first byte.</param>
    /// <param name="length">Bytes; the range lies in one slot.</param>
    public void Follow(SlotView[] slots, byte* host, ulong length)
    {
        foreach (SlotView view in slots) view.MarkDirty(host, length);

        // What is derived from memory after this sees the write; see PageUses and CodeDirectory.
        Interlocked.MemoryBarrier();
        while (length > 0)
        {
            int part = (int)Math.Min(length, PageBytes - ((ulong)host & (PageBytes - 1)));
            if (group.CodeDirectory is { } directory) FollowShared(directory, host, part);
            else FollowAlone(host, part);
            host += part;
            length -= (ulong)part;
        }
    }

    private void FollowShared(CodeDirectory directory, byte* host, int size)
    {
        if (!directory.HasCode(host)) return;
        directory.Enter(host);
        ulong decoders = directory.Write(host, size);
        for (ulong rest = decoders; rest != 0; rest &= rest - 1)
            group.Find(BitOperations.TrailingZeroCount(rest))?.AskToDrop((ulong)host & ~(PageBytes - 1));
        directory.Exit(host);
    }

    private void FollowAlone(byte* host, int size)
    {
        PageUse uses = group.PageUses!.Of(host);
        if (uses != 0) group.Find(0)?.AskToFollow(uses, new HostRange((ulong)host, (ulong)size));
    }
}
