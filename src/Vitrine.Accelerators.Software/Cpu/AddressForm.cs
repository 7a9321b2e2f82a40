namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>How the address of a memory operand is formed; decides which specialisation of a handler is bound.</summary>
internal enum AddressForm : byte
{
    /// <summary>64-bit address size, base and displacement, no segment base.</summary>
    BaseDisplacement,

    /// <summary>64-bit address size, anything else: index, FS or GS base.</summary>
    Long,

    /// <summary>16- or 32-bit code, or a 32-bit address size in 64-bit code: truncation, segment base and limit.</summary>
    Legacy,
}
