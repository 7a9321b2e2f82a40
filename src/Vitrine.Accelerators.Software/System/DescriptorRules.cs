using Vitrine.X86.Descriptors;

namespace Vitrine.Accelerators.Software.System;

/// <summary>What type fields allow (SDM vol. 3, table 3-1 "Code- and Data-Segment Types").</summary>
internal static class DescriptorRules
{
    /// <summary>Null selectors: index 0 of the GDT with any RPL.</summary>
    public static bool IsNull(ushort selector) => (selector & 0xFFFC) == 0;

    /// <summary>A code segment that keeps the caller's privilege level.</summary>
    public static bool IsConforming(this SegmentDescriptor descriptor) =>
        descriptor.IsCode && (descriptor.Type & DescriptorType.Conforming) != 0;

    /// <summary>A data segment that can be written.</summary>
    public static bool IsWritableData(this SegmentDescriptor descriptor) =>
        descriptor.IsCodeOrData && !descriptor.IsCode && (descriptor.Type & DescriptorType.Writable) != 0;

    /// <summary>A data segment, or a code segment that can be read.</summary>
    public static bool IsReadable(this SegmentDescriptor descriptor) =>
        descriptor.IsCodeOrData && (!descriptor.IsCode || (descriptor.Type & DescriptorType.Readable) != 0);

    /// <summary>A system descriptor of the given type.</summary>
    public static bool IsSystem(this SegmentDescriptor descriptor, byte type) =>
        !descriptor.IsCodeOrData && descriptor.Type == type;
}
