using Vitrine.Accelerators.Software.Blocks;

namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>
/// Short names for code tags: 15 bits, so that one number holds both a canonical RIP and the address space and mode that it is
/// meant in.
/// </summary>
internal sealed class CodeContexts(BlockCache blocks)
{
    // Tags that alternate, as those of a program and of its kernel do, must not take each other's names by chance: all code would be looked up again.
    private const int Ways = 4;
    private const int SetBits = 8;
    private const ulong Spread = 0x9E37_79B9_7F4A_7C15; // 2^64 divided by the golden ratio: consecutive tags get sets far apart
    private const int Shift = 48;
    private const ulong Limit = 1 << 15;

    // The ways of a set are in the order of their last use.
    private readonly Entry[] _entries = new Entry[Ways << SetBits];
    private ulong _last;

    private struct Entry
    {
        public ulong Tag;
        public ulong Key; // 0 in an entry without a tag
    }

    /// <summary>
    /// The name of a tag in bits 63:48, of which bit 63 is zero: RIP XOR it is another number for each pair, and never a small one.
    /// A tag may get a new name when it comes back, but no two tags have the same.
    /// </summary>
    public ulong KeyFor(ulong tag)
    {
        // Each system call asks several times, and its tags are mostly the first of their sets.
        int first = (int)((tag * Spread) >> (64 - SetBits)) * Ways;
        ref Entry entry = ref _entries[first];
        return entry.Tag == tag && entry.Key != 0 ? entry.Key : MoveToFront(_entries.AsSpan(first, Ways), tag);
    }

    private ulong MoveToFront(Span<Entry> set, ulong tag)
    {
        int way = 1;
        while (way < Ways && (set[way].Tag != tag || set[way].Key == 0)) way++;
        Entry found = way < Ways ? set[way] : new Entry { Tag = tag, Key = NewKey() };
        way = Math.Min(way, Ways - 1);
        set[..way].CopyTo(set[1..]);
        set[0] = found;
        return found.Key;
    }

    private ulong NewKey()
    {
        if (++_last == Limit)
        {
            Array.Clear(_entries);
            blocks.ForgetJumps();
            _last = 1;
        }

        return _last << Shift;
    }
}
