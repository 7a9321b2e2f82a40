using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>
/// A memory operand between <see cref="LockedAccess.Begin"/> and <see cref="LockedAccess.End"/>: what an instruction with LOCK reads, changes and writes as one operation.
/// </summary>
internal unsafe struct LockedOperand
{
    // SAFETY: Pointer is to guest memory that stays until End, or to Copy of this object, which the handler keeps on its stack.

    /// <summary>The operand. It is changed with interlocked operations of the host.</summary>
    public void* Pointer;

    /// <summary>Its linear address.</summary>
    public ulong Linear;

    /// <summary>Its guest-physical address; only with <see cref="LockedPlace.WatchedMemory"/>.</summary>
    public ulong Gpa;

    /// <summary>Where the operand is.</summary>
    public LockedPlace Place;

    /// <summary>The operand where it can't be changed in its place; only with <see cref="LockedPlace.Copy"/>.</summary>
    public Bytes Copy;

    /// <summary>Storage of <see cref="Copy"/>.</summary>
    [InlineArray(16)]
    internal struct Bytes
    {
        [SuppressMessage("Style", "IDE0044", Justification = "The element of an inline array can't be readonly.")]
        private byte _first;
    }
}
