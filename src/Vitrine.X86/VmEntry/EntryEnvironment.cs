namespace Vitrine.X86.VmEntry;

/// <summary>What of the host's processor decides how a check comes out. The defaults are the most that the architecture allows.</summary>
public sealed record EntryEnvironment
{
    /// <summary>The host isn't known, as with a dump from elsewhere.</summary>
    public static EntryEnvironment Default { get; } = new();

    /// <summary>Width of physical addresses in bits (MAXPHYADDR, CPUID.80000008H:EAX[7:0]).</summary>
    public int PhysicalAddressBits { get; init; } = 52;

    /// <summary>Width of linear addresses in bits while CR4.LA57 is clear; with it they have 57.</summary>
    public int LinearAddressBits { get; init; } = 48;

    /// <summary>The CR4 bits that may be one (IA32_VMX_CR4_FIXED1).</summary>
    public ulong Cr4Supported { get; init; } = DefinedCr4;

    /// <summary>Guest-physical address of the identity page that KVM uses for EPT without unrestricted guest (KVM_SET_IDENTITY_MAP_ADDR).</summary>
    public ulong IdentityPage { get; init; } = 0xFEFF_C000;

    /// <summary>Guest-physical address of the TSS that KVM uses for virtual-8086 mode (KVM_SET_TSS_ADDR), three pages.</summary>
    public ulong VirtualTss { get; init; } = 0xFEFF_D000;

    // Bits 14:0, 25:16, LASS, LAM_SUP and FRED (SDM vol. 3, 2.5). CR4.KL (19) and CR4.UINTR (25) are among them.
    private const ulong DefinedCr4 = 0x7FFF | 0x3FF_0000 | (1UL << 27) | (1UL << 28) | (1UL << 32);
}
