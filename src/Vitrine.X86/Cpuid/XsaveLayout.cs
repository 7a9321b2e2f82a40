namespace Vitrine.X86.Cpuid;

/// <summary>
/// The area of XSAVE with the state components x87, SSE, AVX and PKRU (SDM vol. 1, 13.4). Without AVX the compacted format puts PKRU where
/// AVX would be; all else is where the standard format has it.
/// <code>
///    0  legacy region, as FXSAVE    512  header    576  upper halves of YMM0 to YMM15    832  PKRU
/// </code>
/// </summary>
public static class XsaveLayout
{
    /// <summary>Bit of the x87 state in XCR0, XSTATE_BV and masks.</summary>
    public const uint X87 = 1;

    /// <summary>Bit of the SSE state: XMM registers, and MXCSR.</summary>
    public const uint Sse = 2;

    /// <summary>Bit of the AVX state: the upper halves of YMM registers.</summary>
    public const uint Avx = 4;

    /// <summary>Bit of the PKRU state.</summary>
    public const uint Pkru = 1 << 9;

    /// <summary>Bytes of the legacy region and the header, which every area has.</summary>
    public const uint BaseSize = 512 + 64;

    /// <summary>Offset of the AVX state in bytes.</summary>
    public const uint AvxOffset = BaseSize;

    /// <summary>Bytes of the AVX state.</summary>
    public const uint AvxSize = 16 * 16;

    /// <summary>Offset of the PKRU state in bytes in the standard format of the software CPU; see <see cref="PkruOffsetIn"/> for others.</summary>
    public const uint PkruOffset = AvxOffset + AvxSize;

    /// <summary>Bytes of the PKRU state, of which the first four are used.</summary>
    public const uint PkruSize = 8;

    /// <summary>Where a processor has the PKRU state in the standard format in bytes, as its leaf 0xD says; 0 where it has none.</summary>
    public static uint PkruOffsetIn(IEnumerable<CpuidEntry> entries)
    {
        const uint StateLeaf = 0xD, PkruComponent = 9;
        ArgumentNullException.ThrowIfNull(entries);
        foreach (CpuidEntry entry in entries)
        {
            if (entry.Function == StateLeaf && entry.Index == PkruComponent) return entry.Ebx;
        }

        return 0;
    }

    /// <summary>Bytes of an area in the standard format that holds some components.</summary>
    /// <param name="components">Their bits, as in XCR0.</param>
    /// <param name="pkruOffset">Where the processor has the PKRU state.</param>
    public static uint SizeOf(ulong components, uint pkruOffset = PkruOffset) =>
        (components & Pkru) != 0 ? pkruOffset + PkruSize
        : (components & Avx) != 0 ? AvxOffset + AvxSize
        : BaseSize;

    /// <summary>Bytes of an area in the compacted format that holds some components.</summary>
    /// <param name="components">Their bits, as in XCOMP_BV.</param>
    public static uint CompactedSizeOf(ulong components) =>
        CompactedPkruOffset(components) + ((components & Pkru) != 0 ? PkruSize : 0);

    /// <summary>Offset of the PKRU state in bytes in the compacted format.</summary>
    /// <param name="components">What the area has room for, as in XCOMP_BV.</param>
    public static uint CompactedPkruOffset(ulong components) => (components & Avx) != 0 ? AvxOffset + AvxSize : BaseSize;
}
