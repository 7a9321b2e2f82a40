using Vitrine.X86.State;

namespace Vitrine.X86.Descriptors;

/// <summary>
/// A system-segment descriptor (LDT, TSS) of IA-32e mode: 16 bytes, so that the base has 64 bits
/// (SDM vol. 3, 8.2.3 "TSS Descriptor in 64-bit mode").
/// </summary>
/// <param name="Low">The first eight bytes: a <see cref="SegmentDescriptor"/>.</param>
/// <param name="High">The second eight bytes: base 63:32, then zero.</param>
public readonly record struct SystemDescriptor(ulong Low, ulong High)
{
    /// <summary>The part that both modes have.</summary>
    public SegmentDescriptor Segment => new(Low);

    /// <summary>Base address, 64 bits.</summary>
    public ulong Base => Segment.Base | (High << 32);

    /// <summary>False when bits 12:8 of the upper half's second dword (the place of a type field) are set: loading raises #GP.</summary>
    public bool IsUpperTypeZero => (High & (0x1FUL << 40)) == 0;

    /// <summary>What TR or LDTR holds after this descriptor is loaded with <paramref name="selector"/>.</summary>
    public SegmentRegister ToSegmentRegister(ushort selector) => new(selector, Base, Segment.Limit, Segment.Access);

    /// <summary>The descriptor that would load <paramref name="segment"/>.</summary>
    public static SystemDescriptor FromSegmentRegister(in SegmentRegister segment) =>
        new(SegmentDescriptor.FromSegmentRegister(segment).Raw, segment.Base >> 32);
}
