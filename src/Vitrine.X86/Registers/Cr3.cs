namespace Vitrine.X86.Registers;

/// <summary>Bits of CR3 that are not the address of a table (SDM vol. 3, 2.5 "Control Registers").</summary>
public static class Cr3
{
    /// <summary>Linear-address masking of bits 62:57, for pointers with bit 63 clear.</summary>
    public const ulong LAM_U57 = 1UL << 61;

    /// <summary>Linear-address masking of bits 62:48, for pointers with bit 63 clear, unless <see cref="LAM_U57"/> is set.</summary>
    public const ulong LAM_U48 = 1UL << 62;

    /// <summary>The bits of linear-address masking.</summary>
    public const ulong Masking = LAM_U57 | LAM_U48;
}
