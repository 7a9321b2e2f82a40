using Vitrine.Accelerators.Software.Decode;

namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>
/// Short names for code tags: 15 bits, so that one number holds both a canonical RIP and the address space and mode that it is
/// meant in.
/// </summary>
internal sealed class CodeContexts(BlockCache blocks)
{
    // Tags that alternate, as those of a program and of its kernel do, must not take each other's names by chance: all code would be looked up again.
    private const int Ways = 4;
    private const int Sets = 1 << 8;
    private const int Entries = Sets * Ways;
    private const int Shift = 48;
    private const ulong Limit = 1 << 15;

    private readonly ulong[] _tags = new ulong[Entries];
    private readonly ulong[] _keys = new ulong[Entries];
    private readonly byte[] _replaced = new byte[Sets];
    private ulong _last;

    /// <summary>
    /// The name of a tag in bits 63:48, of which bit 63 is zero: RIP XOR it is another number for each pair, and never a small one.
    /// A tag may get a new name when it comes back, but no two tags have the same.
    /// </summary>
    public ulong KeyFor(ulong tag)
    {
        int set = (int)((tag ^ (tag >> 16) ^ (tag >> 32)) & (Sets - 1));
        for (int way = set * Ways; way < (set + 1) * Ways; way++)
        {
            if (_tags[way] == tag && _keys[way] != 0) return _keys[way];
        }

        if (++_last == Limit)
        {
            Array.Clear(_keys);
            blocks.ForgetJumps();
            _last = 1;
        }

        int slot = (set * Ways) + (_replaced[set]++ % Ways);
        _tags[slot] = tag;
        return _keys[slot] = _last << Shift;
    }
}
