namespace Vitrine.Boot;

/// <summary>
/// Where loaders leave what a guest needs at its first instruction: page tables, descriptors, boot information.
/// At the top of conventional memory, away from the addresses where flat code and hobby kernels usually lie, and below
/// the 8 KiB under 0x9F000 that Linux's decompressor uses for its trampoline.
/// </summary>
internal static class HandoffArea
{
    /// <summary>Initial stack pointer of flat 32-bit and 64-bit code; the stack grows down from here.</summary>
    internal const ulong StackTop = 0x9_0000;

    /// <summary>PML4, page-directory-pointer table, and four page directories for the first 4 GiB.</summary>
    internal const ulong PageTables = 0x9_0000;

    /// <summary>Bytes of page tables.</summary>
    internal const ulong PageTablesSize = 6 * 0x1000;

    /// <summary>Global descriptor table.</summary>
    internal const ulong Gdt = 0x9_6000;

    /// <summary>Bytes of the global descriptor table, with room to spare.</summary>
    internal const ulong GdtSize = 0x1000;

    /// <summary>Linux's zero page, PVH's start info, or Multiboot's information structure.</summary>
    internal const ulong Info = 0x9_7000;

    /// <summary>Bytes of boot information.</summary>
    internal const ulong InfoSize = 0x1000;

    /// <summary>Command line.</summary>
    internal const ulong CommandLine = 0x9_8000;

    /// <summary>Room for the command line, its terminating zero included.</summary>
    internal const int CommandLineSize = 0x4000;
}
