using System.Collections.Immutable;

namespace Vitrine.Accelerators.Parts;

/// <summary>What a filter says of a row of model-specific registers (struct kvm_msr_filter_range).</summary>
/// <param name="First">The first register.</param>
/// <param name="Reads">It says something of reads.</param>
/// <param name="Writes">It says something of writes.</param>
/// <param name="Count">How many registers.</param>
/// <param name="Allowed">A bit for each register, the lowest of the first byte for the first: the access is allowed.</param>
public sealed record MsrFilterRange(uint First, bool Reads, bool Writes, int Count, ImmutableArray<byte> Allowed)
{
    /// <summary>Whether it says something of an access.</summary>
    public bool Covers(uint index, bool isWrite) => (isWrite ? Writes : Reads) && index - First < (uint)Count;

    /// <summary>What it says.</summary>
    public bool Allows(uint index)
    {
        uint bit = index - First;
        return (Allowed[(int)(bit >> 3)] & (1 << (int)(bit & 7))) != 0;
    }
}
