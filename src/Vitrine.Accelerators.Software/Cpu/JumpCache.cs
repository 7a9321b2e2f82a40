using System.Runtime.CompilerServices;

namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>
/// Where indirect branches, and direct ones that leave their page, find their target: direct-mapped by RIP, valid for
/// one address space, mode and privilege level at a time.
/// </summary>
internal static unsafe class JumpCache
{
    // SAFETY: the index is masked to the table's size.

    /// <summary>Entries; a power of two.</summary>
    public const int Entries = 1 << 13;

    /// <summary>The only entry that can hold a RIP.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static JumpCacheEntry* EntryFor(CpuState* cpu, ulong rip) =>
        cpu->JumpCache + ((rip ^ (rip >> 13)) & (Entries - 1));
}
