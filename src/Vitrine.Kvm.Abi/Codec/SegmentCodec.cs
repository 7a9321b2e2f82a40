using Vitrine.X86.State;

namespace Vitrine.Kvm.Abi.Codec;

/// <summary>
/// Segment registers: <see cref="SegmentRegister"/> holds access rights in one word, <see cref="kvm_segment"/> in a byte for each part.
/// A byte counts with as many bits as its part has, as in KVM.
/// </summary>
public static class SegmentCodec
{
    /// <summary>A segment register from KVM's.</summary>
    public static SegmentRegister Decode(in kvm_segment segment) => new(
        segment.selector,
        segment.@base,
        segment.limit,
        (uint)((segment.type & 0xF) | ((segment.s & 1) << 4) | ((segment.dpl & 3) << 5) | ((segment.present & 1) << 7) |
            ((segment.avl & 1) << 12) | ((segment.l & 1) << 13) | ((segment.db & 1) << 14) | ((segment.g & 1) << 15)) |
        (segment.unusable != 0 ? SegmentRegister.UnusableBit : 0));

    /// <summary>A descriptor-table register from KVM's.</summary>
    public static DescriptorTable Decode(in kvm_dtable table) => new(table.@base, table.limit);

    /// <summary>KVM's segment register.</summary>
    public static kvm_segment Encode(in SegmentRegister segment) => new()
    {
        @base = segment.Base,
        limit = segment.Limit,
        selector = segment.Selector,
        type = segment.Type,
        present = Bit(segment.Present),
        dpl = segment.Dpl,
        db = Bit(segment.DefaultBig),
        s = Bit(segment.IsCodeOrData),
        l = Bit(segment.Long),
        g = Bit(segment.Granularity),
        avl = Bit(segment.Available),
        unusable = Bit(segment.Unusable),
    };

    /// <summary>KVM's descriptor-table register.</summary>
    public static kvm_dtable Encode(DescriptorTable table) => new() { @base = table.Base, limit = table.Limit };

    private static byte Bit(bool value) => value ? (byte)1 : (byte)0;
}
