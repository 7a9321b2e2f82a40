namespace Vitrine.X86.Registers;

/// <summary>Bits of CR4 (SDM vol. 3, 2.5 "Control Registers").</summary>
public static class Cr4
{
    /// <summary>Virtual-8086 mode extensions.</summary>
    public const ulong VME = 1UL << 0;

    /// <summary>Protected-mode virtual interrupts.</summary>
    public const ulong PVI = 1UL << 1;

    /// <summary>Time stamp disable: RDTSC only at CPL 0.</summary>
    public const ulong TSD = 1UL << 2;

    /// <summary>Debugging extensions: DR4 and DR5 raise #UD.</summary>
    public const ulong DE = 1UL << 3;

    /// <summary>Page size extensions: 4-MiB pages in 32-bit paging.</summary>
    public const ulong PSE = 1UL << 4;

    /// <summary>Physical address extension.</summary>
    public const ulong PAE = 1UL << 5;

    /// <summary>Machine-check enable.</summary>
    public const ulong MCE = 1UL << 6;

    /// <summary>Page global enable.</summary>
    public const ulong PGE = 1UL << 7;

    /// <summary>RDPMC at any privilege level.</summary>
    public const ulong PCE = 1UL << 8;

    /// <summary>FXSAVE, FXRSTOR and SSE enabled.</summary>
    public const ulong OSFXSR = 1UL << 9;

    /// <summary>Unmasked SIMD exceptions raise #XM instead of #UD.</summary>
    public const ulong OSXMMEXCPT = 1UL << 10;

    /// <summary>User-mode instruction prevention.</summary>
    public const ulong UMIP = 1UL << 11;

    /// <summary>57-bit linear addresses (5-level paging).</summary>
    public const ulong LA57 = 1UL << 12;

    /// <summary>VMX enabled.</summary>
    public const ulong VMXE = 1UL << 13;

    /// <summary>SMX enabled.</summary>
    public const ulong SMXE = 1UL << 14;

    /// <summary>RDFSBASE and the like enabled.</summary>
    public const ulong FSGSBASE = 1UL << 16;

    /// <summary>Process-context identifiers.</summary>
    public const ulong PCIDE = 1UL << 17;

    /// <summary>XSAVE and XCR0 enabled.</summary>
    public const ulong OSXSAVE = 1UL << 18;

    /// <summary>Supervisor-mode execution prevention.</summary>
    public const ulong SMEP = 1UL << 20;

    /// <summary>Supervisor-mode access prevention.</summary>
    public const ulong SMAP = 1UL << 21;

    /// <summary>Protection keys for user pages.</summary>
    public const ulong PKE = 1UL << 22;

    /// <summary>Control-flow enforcement.</summary>
    public const ulong CET = 1UL << 23;

    /// <summary>Protection keys for supervisor pages.</summary>
    public const ulong PKS = 1UL << 24;

    /// <summary>Linear-address masking for pointers with bit 63 set.</summary>
    public const ulong LAM_SUP = 1UL << 28;
}
