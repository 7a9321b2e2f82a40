namespace Vitrine.Boot;

/// <summary>The processor mode in which flat code starts. Interrupts are off, and the IDT is the one of reset.</summary>
public enum FlatMode
{
    /// <summary>
    /// 16-bit real mode, entry below 1 MiB: the CS selector is (entry >> 4) &amp; 0xF000, IP is entry &amp; 0xFFFF;
    /// the other segments are 0, SP is 0x7C00.
    /// </summary>
    Real,

    /// <summary>
    /// 32-bit protected mode, paging off: flat 4-GiB segments, CS 0x08, the others 0x18, their GDT at 0x96000; ESP is 0x90000.
    /// </summary>
    Protected,

    /// <summary>
    /// 64-bit mode: the first 4 GiB are identity-mapped with 2-MiB pages by page tables at 0x90000 to 0x95FFF; CS is 0x10,
    /// the other segments 0x18, their GDT at 0x96000; RSP is 0x90000.
    /// </summary>
    Long,
}
