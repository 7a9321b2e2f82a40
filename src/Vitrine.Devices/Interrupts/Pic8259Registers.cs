namespace Vitrine.Devices.Interrupts;

/// <summary>Ports and command bits of a PC's two interrupt controllers (Intel 8259A data sheet; ELCR: 82371SB, section 2.5).</summary>
public static class Pic8259Registers
{
    /// <summary>First of the master's two ports.</summary>
    public const int MasterPort = 0x20;

    /// <summary>First of the slave's two ports.</summary>
    public const int SlavePort = 0xA0;

    /// <summary>Number of ports of each chip.</summary>
    public const int PortCount = 2;

    /// <summary>First of the two edge/level control registers, master then slave.</summary>
    public const int EdgeLevelPort = 0x4D0;

    /// <summary>The master's input that the slave's output leads to.</summary>
    public const int CascadeInput = 2;

    // Written to the even port: ICW1 when bit 4 is set, else OCW3 when bit 3 is set, else OCW2.
    internal const byte Icw1 = 0x10, Icw1NeedsIcw4 = 0x01, Icw1Single = 0x02;
    internal const byte Icw4AutoEoi = 0x02, Icw4FullyNested = 0x10;
    internal const byte Ocw3 = 0x08, Ocw3ReadSelect = 0x02, Ocw3ReadInService = 0x01, Ocw3Poll = 0x04,
        Ocw3MaskSelect = 0x40, Ocw3SpecialMask = 0x20;

    // OCW2 bits 7 to 5: rotate, specific, end of interrupt.
    internal const int Ocw2RotateInAutoEoiClear = 0, Ocw2Eoi = 1, Ocw2SpecificEoi = 3, Ocw2RotateInAutoEoiSet = 4,
        Ocw2RotateOnEoi = 5, Ocw2SetPriority = 6, Ocw2RotateOnSpecificEoi = 7;

    // Inputs that are edge-triggered by the PC's wiring: timer, keyboard, cascade; clock and coprocessor.
    internal const byte MasterLevelCapable = 0xF8, SlaveLevelCapable = 0xDE;
}
