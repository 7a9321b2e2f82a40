namespace Vitrine.X86.Paging;

/// <summary>The 4-KiB page, the smallest unit of translation (SDM vol. 3, 5.5 "4-Level Paging").</summary>
public static class Page
{
    /// <summary>Bits of an address that are an offset in a page.</summary>
    public const int Shift = 12;

    /// <summary>Bytes of a page.</summary>
    public const int Size = 1 << Shift;

    /// <summary>The offset in an address.</summary>
    public const ulong OffsetMask = Size - 1;

    /// <summary>The page in an address.</summary>
    public const ulong AddressMask = ~OffsetMask;
}
