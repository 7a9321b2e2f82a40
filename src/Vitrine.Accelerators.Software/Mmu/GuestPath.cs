using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>Remembers the entries that a walk has used, by level.</summary>
internal struct GuestPath : IPageWalkObserver
{
    private Levels _addresses;
    private Levels _entries;

    /// <summary>Guest-physical address of the table at a level.</summary>
    public readonly ulong Table(int level) => _addresses[level] & ~0xFFFUL;

    /// <summary>The entry used at a level, with the accessed and dirty bits that the walk has left.</summary>
    public readonly ulong Entry(int level) => _entries[level];

    /// <inheritdoc/>
    public void OnEntry(int level, ulong entryAddress, ulong rawValue)
    {
        _addresses[level] = entryAddress;
        _entries[level] = rawValue;
    }

    /// <inheritdoc/>
    public void OnPointerRegister(int index, ulong rawValue)
    {
    }

    /// <inheritdoc/>
    public void OnUpdate(int level, ulong entryAddress, ulong newValue) => _entries[level] = newValue;

    /// <inheritdoc/>
    public void OnRestart()
    {
    }

    [InlineArray(6)]
    private struct Levels
    {
        [SuppressMessage("Style", "IDE0044", Justification = "The element of an inline array can't be readonly.")]
        private ulong _first;
    }
}
