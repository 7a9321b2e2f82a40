using Vitrine.X86.State;

namespace Vitrine.X86.Descriptors;

/// <summary>
/// A segment descriptor as it lies in the GDT or an LDT (SDM vol. 3, 3.4.5 "Segment Descriptors").
/// </summary>
/// <remarks>
/// <code>
///  63..56       55 54  53 52   51..48        47 46..45 44 43..40  39..16      15..0
///  base 31:24   G  D/B L  AVL  limit 19:16   P  DPL    S  type    base 23:0   limit 15:0
/// </code>
/// </remarks>
/// <param name="Raw">The eight bytes.</param>
public readonly record struct SegmentDescriptor(ulong Raw)
{
    /// <summary>Bit of <see cref="Raw"/> that says "accessed" in a code or data segment.</summary>
    public const ulong AccessedBit = 1UL << 40;

    /// <summary>Bit of <see cref="Raw"/> that says "busy" in a TSS.</summary>
    public const ulong BusyBit = 1UL << 41;

    /// <summary>Base address, 32 bits.</summary>
    public uint Base => (uint)((Raw >> 16) & 0xFF_FFFF) | ((uint)(Raw >> 56) << 24);

    /// <summary>Limit in bytes, granularity applied.</summary>
    public uint Limit
    {
        get
        {
            uint limit = (uint)(Raw & 0xFFFF) | (uint)((Raw >> 32) & 0xF_0000);
            return Granularity ? (limit << 12) | 0xFFF : limit;
        }
    }

    /// <summary>Access rights in the layout of <see cref="SegmentRegister.Access"/>.</summary>
    public uint Access => (uint)(Raw >> 40) & 0xF0FF;

    /// <summary>Type field.</summary>
    public byte Type => (byte)((Raw >> 40) & 0xF);

    /// <summary>True for a code or data segment, false for a system segment or gate.</summary>
    public bool IsCodeOrData => (Raw & (1UL << 44)) != 0;

    /// <summary>True for a code segment.</summary>
    public bool IsCode => IsCodeOrData && (Type & DescriptorType.Code) != 0;

    /// <summary>Descriptor privilege level.</summary>
    public byte Dpl => (byte)((Raw >> 45) & 3);

    /// <summary>Present bit.</summary>
    public bool Present => (Raw & (1UL << 47)) != 0;

    /// <summary>64-bit code segment.</summary>
    public bool Long => (Raw & (1UL << 53)) != 0;

    /// <summary>Default operand size or stack pointer size of 32 bits.</summary>
    public bool DefaultBig => (Raw & (1UL << 54)) != 0;

    /// <summary>The limit counts 4-KiB pages.</summary>
    public bool Granularity => (Raw & (1UL << 55)) != 0;

    /// <summary>What a segment register holds after this descriptor is loaded with <paramref name="selector"/>.</summary>
    public SegmentRegister ToSegmentRegister(ushort selector) => new(selector, Base, Limit, Access);

    /// <summary>
    /// The descriptor that would load <paramref name="segment"/>. A base beyond 32 bits is cut off; with the granularity
    /// bit the low 12 bits of the limit are not representable and taken as ones.
    /// </summary>
    public static SegmentDescriptor FromSegmentRegister(in SegmentRegister segment)
    {
        uint limit = segment.Granularity ? segment.Limit >> 12 : segment.Limit;
        return new(
            (limit & 0xFFFF)
            | ((ulong)(limit & 0xF_0000) << 32)
            | ((segment.Base & 0xFF_FFFF) << 16)
            | ((segment.Base & 0xFF00_0000) << 32)
            | ((ulong)(segment.Access & 0xF0FF) << 40));
    }
}
