using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>
/// Where translated code finds the code for a target: one entry for each value of a RIP's low bits. Two targets that agree in them dispute
/// an entry, so the table doubles as the number of blocks grows. Translated code reads the mask from <see cref="CpuState.BranchMask"/>, and
/// needs no change.
/// </summary>
internal sealed unsafe class BranchTable
{
    // SAFETY: the table lies behind the state, with room for _limit entries; indices are cut to the present size.
    private const int BlocksForEntries = 8;

    private readonly CpuState* _cpu;
    private readonly ulong* _entries;
    private readonly int _limit;
    private readonly ulong _unknown;

    /// <summary>Creates an empty table of the smallest size.</summary>
    /// <param name="cpu">The state, with room for the limit behind it.</param>
    /// <param name="limit">Most entries, a power of two.</param>
    /// <param name="unknown">The code for targets that have none.</param>
    public BranchTable(CpuState* cpu, int limit, byte* unknown)
    {
        _cpu = cpu;
        _entries = (ulong*)((byte*)cpu + StateMemory.BranchTable);
        _limit = limit;
        _unknown = (ulong)unknown;
        Shrink();
    }

    /// <summary>How many entries there are.</summary>
    public int Size { get; private set; }

    /// <summary>The code that a branch to a RIP goes to.</summary>
    public byte* this[ulong rip]
    {
        get => (byte*)_entries[rip & _cpu->BranchMask];
        set => _entries[rip & _cpu->BranchMask] = (ulong)value;
    }

    /// <summary>Branches to a RIP come back for it.</summary>
    public void Forget(ulong rip) => this[rip] = (byte*)_unknown;

    /// <summary>Follows the number of blocks. No translated code runs.</summary>
    public void GrowFor(int blocks)
    {
        while (Size < _limit && blocks > Size / BlocksForEntries)
        {
            // Which half a target belongs to is not known; the entry compares, and answers as if it weren't there where it is wrong.
            NativeMemory.Copy(_entries, _entries + Size, (nuint)Size * sizeof(ulong));
            Resize(Size * 2);
        }
    }

    /// <summary>All branches come back for their targets.</summary>
    public void Clear() => new Span<ulong>(_entries, Size).Fill(_unknown);

    /// <summary>As <see cref="Clear"/>, and the table has its smallest size again.</summary>
    public void Shrink()
    {
        int before = Size;
        Resize(StateMemory.FewestBranches);
        Clear();
        if (before > Size) StateMemory.Discard(_entries + Size, (nuint)(before - Size) * sizeof(ulong));
    }

    private void Resize(int size)
    {
        Size = size;
        _cpu->BranchMask = (ulong)size - 1;
    }
}
