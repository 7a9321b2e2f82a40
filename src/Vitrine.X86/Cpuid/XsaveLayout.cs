namespace Vitrine.X86.Cpuid;

/// <summary>
/// The area of XSAVE with the state components x87, SSE and AVX, in the standard format (SDM vol. 1, 13.4). With these three the
/// compacted format puts each where the standard format does.
/// <code>
///    0  legacy region, as FXSAVE    512  header    576  upper halves of YMM0 to YMM15
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

    /// <summary>Bytes of the legacy region and the header, which every area has.</summary>
    public const uint BaseSize = 512 + 64;

    /// <summary>Offset of the AVX state in bytes.</summary>
    public const uint AvxOffset = BaseSize;

    /// <summary>Bytes of the AVX state.</summary>
    public const uint AvxSize = 16 * 16;

    /// <summary>Bytes of an area that holds some components.</summary>
    /// <param name="components">Their bits, as in XCR0.</param>
    public static uint SizeOf(ulong components) => (components & Avx) != 0 ? AvxOffset + AvxSize : BaseSize;
}
