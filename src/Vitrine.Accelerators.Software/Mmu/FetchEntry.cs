using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>One entry of the TLB for instruction fetches; it serves the look-up of blocks, not their execution.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FetchEntry
{
    /// <summary>Linear page address and generation, as in <see cref="Cpu.TlbEntry"/>.</summary>
    public ulong Tag;

    /// <summary>Guest-physical page address; bit 0: the translation is global.</summary>
    public ulong GpaPage;

    /// <summary>What <see cref="Tlb.CodeEpoch"/> was: a global translation is good until it changes, in every address space.</summary>
    public uint Epoch;
}
