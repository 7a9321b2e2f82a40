namespace Vitrine.X86.State;

/// <summary>
/// A segment register with its hidden part (SDM vol. 3, 3.4.3 "Segment Registers").
/// </summary>
/// <remarks>
/// <see cref="Access"/> has the VMX access-rights layout (SDM vol. 3, "Guest Register State"):
/// <code>
///  16        15 14  13 12  11..8      7  6..5  4  3..0
///  unusable  G  D/B L  AVL  reserved  P  DPL   S  type
/// </code>
/// </remarks>
public struct SegmentRegister : IEquatable<SegmentRegister>
{
    /// <summary>Bit 16 of <see cref="Access"/>: no descriptor is loaded (null selector).</summary>
    public const uint UnusableBit = 1u << 16;

    /// <summary>The visible selector.</summary>
    public ushort Selector;

    /// <summary>The segment limit in bytes, after granularity is applied.</summary>
    public uint Limit;

    /// <summary>Access rights, see the remarks of the type.</summary>
    public uint Access;

    /// <summary>The base address. Real mode: selector × 16, except right after reset.</summary>
    public ulong Base;

    /// <summary>Creates a segment register.</summary>
    public SegmentRegister(ushort selector, ulong @base, uint limit, uint access)
    {
        Selector = selector;
        Base = @base;
        Limit = limit;
        Access = access;
    }

    /// <summary>Descriptor type, bits 3:0.</summary>
    public readonly byte Type => (byte)(Access & 0xF);

    /// <summary>True for a code or data segment, false for a system segment.</summary>
    public readonly bool IsCodeOrData => (Access & 0x10) != 0;

    /// <summary>Descriptor privilege level.</summary>
    public readonly byte Dpl => (byte)((Access >> 5) & 3);

    /// <summary>Present bit.</summary>
    public readonly bool Present => (Access & 0x80) != 0;

    /// <summary>Available for system software.</summary>
    public readonly bool Available => (Access & 0x1000) != 0;

    /// <summary>64-bit code segment.</summary>
    public readonly bool Long => (Access & 0x2000) != 0;

    /// <summary>Default operand size (code), stack pointer size (stack) 32 bits.</summary>
    public readonly bool DefaultBig => (Access & 0x4000) != 0;

    /// <summary>Granularity: the descriptor's limit counts 4-KiB pages.</summary>
    public readonly bool Granularity => (Access & 0x8000) != 0;

    /// <summary>True when no descriptor is loaded.</summary>
    public readonly bool Unusable => (Access & UnusableBit) != 0;

    /// <inheritdoc/>
    public readonly bool Equals(SegmentRegister other) =>
        Selector == other.Selector && Limit == other.Limit && Access == other.Access && Base == other.Base;

    /// <inheritdoc/>
    public override readonly bool Equals(object? obj) => obj is SegmentRegister other && Equals(other);

    /// <inheritdoc/>
    public override readonly int GetHashCode() => HashCode.Combine(Selector, Limit, Access, Base);

    /// <summary>Field-wise equality.</summary>
    public static bool operator ==(SegmentRegister left, SegmentRegister right) => left.Equals(right);

    /// <summary>Field-wise inequality.</summary>
    public static bool operator !=(SegmentRegister left, SegmentRegister right) => !left.Equals(right);

    /// <inheritdoc/>
    public override readonly string ToString() => $"{Selector:x4} base={Base:x} limit={Limit:x} access={Access:x}";
}
