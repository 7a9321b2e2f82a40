namespace Vitrine.Devices.Power;

/// <summary>The reset control register of Intel chipsets (82371SB, section 2.6; ICH9 data sheet, section 13.7.5).</summary>
public static class ResetControlRegisters
{
    /// <summary>The register: the FADT's RESET_REG, 8 bits in I/O space.</summary>
    public const int Port = 0xCF9;

    /// <summary>The FADT's RESET_VALUE: system reset.</summary>
    public const byte ResetValue = SystemReset | ResetProcessor;

    /// <summary>
    /// First of the ports to attach at. The double word that holds the register is PCI's configuration address, so a
    /// wider access to it must not be cut into bytes and reach the register.
    /// </summary>
    public const int FirstPort = 0xCF8;

    /// <summary>Number of ports to attach.</summary>
    public const int PortCount = 4;

    internal const int RegisterOffset = Port - FirstPort;
    internal const byte SystemReset = 0x02, ResetProcessor = 0x04, Kept = 0x0A;
}
