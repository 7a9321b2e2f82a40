using Vitrine.X86.Descriptors;

namespace Vitrine.Accelerators.Software.System;

/// <summary>A TSS to switch to.</summary>
/// <param name="Selector">Its selector.</param>
/// <param name="Descriptor">Its descriptor.</param>
/// <param name="Address">Linear address of the descriptor.</param>
internal readonly record struct TaskSegment(ushort Selector, SegmentDescriptor Descriptor, ulong Address)
{
    /// <summary>A 32-bit TSS.</summary>
    public bool Is32 => (Descriptor.Type & 8) != 0;

    /// <summary>The busy bit of its type.</summary>
    public bool IsBusy => (Descriptor.Type & 2) != 0;
}
