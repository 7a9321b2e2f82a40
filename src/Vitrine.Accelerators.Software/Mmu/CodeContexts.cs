using Vitrine.Accelerators.Software.Decode;

namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>
/// Short names for code tags: 15 bits, so that one number holds both a canonical RIP and the address space and mode that it is
/// meant in.
/// </summary>
internal sealed class CodeContexts(BlockCache blocks)
{
    private const int Entries = 1 << 10;
    private const int Shift = 48;
    private const ulong Limit = 1 << 15;

    private readonly ulong[] _tags = new ulong[Entries];
    private readonly ulong[] _keys = new ulong[Entries];
    private ulong _last;

    /// <summary>
    /// The name of a tag in bits 63:48, of which bit 63 is zero: RIP XOR it is another number for each pair, and never a small one.
    /// A tag may get a new name when it comes back, but no two tags have the same.
    /// </summary>
    public ulong KeyFor(ulong tag)
    {
        int slot = (int)((tag ^ (tag >> 16) ^ (tag >> 32)) & (Entries - 1));
        if (_tags[slot] == tag && _keys[slot] != 0) return _keys[slot];
        if (++_last == Limit)
        {
            Array.Clear(_keys);
            blocks.ForgetJumps();
            _last = 1;
        }

        _tags[slot] = tag;
        return _keys[slot] = _last << Shift;
    }
}
