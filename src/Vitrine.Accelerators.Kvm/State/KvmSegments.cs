using Vitrine.Kvm.Abi;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Kvm.State;

/// <summary>Segment registers between <see cref="SegmentRegister"/>, whose access rights are one word, and KVM, which has a byte for each part.</summary>
internal static class KvmSegments
{
    public static SegmentRegister ToState(in kvm_segment segment) => new(
        segment.selector,
        segment.@base,
        segment.limit,
        (uint)((segment.type & 0xF) | ((segment.s & 1) << 4) | ((segment.dpl & 3) << 5) | ((segment.present & 1) << 7) |
            ((segment.avl & 1) << 12) | ((segment.l & 1) << 13) | ((segment.db & 1) << 14) | ((segment.g & 1) << 15)) |
        (segment.unusable != 0 ? SegmentRegister.UnusableBit : 0));

    public static kvm_segment FromState(in SegmentRegister segment) => new()
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

    public static DescriptorTable ToState(in kvm_dtable table) => new(table.@base, table.limit);

    public static kvm_dtable FromState(DescriptorTable table) => new() { @base = table.Base, limit = table.Limit };

    private static byte Bit(bool value) => value ? (byte)1 : (byte)0;
}
