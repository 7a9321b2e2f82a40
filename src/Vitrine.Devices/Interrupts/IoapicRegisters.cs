namespace Vitrine.Devices.Interrupts;

/// <summary>Registers of an IOAPIC (Intel 82093AA data sheet, section 3; EOI register: ICH9 data sheet, section 13.5).</summary>
public static class IoapicRegisters
{
    /// <summary>Guest-physical address of the first IOAPIC of a PC.</summary>
    public const ulong BaseAddress = 0xFEC0_0000;

    /// <summary>Length of the register window in bytes.</summary>
    public const ulong WindowLength = 0x1000;

    /// <summary>Number of interrupt inputs.</summary>
    public const int PinCount = 24;

    /// <summary>Version 0x20: the first with an EOI register.</summary>
    public const byte ChipVersion = 0x20;

    internal const byte FirstVersionWithEoi = 0x20;

    // Offsets in the window
    internal const ulong Select = 0x00, Window = 0x10, Eoi = 0x40;

    // Indirect registers
    internal const byte IdIndex = 0x00, VersionIndex = 0x01, ArbitrationIndex = 0x02, RedirectionIndex = 0x10;

    //  63      56 55     17 16   15      14         13       12       11       10     8 7    0
    // | dest     | -       |mask|trigger|remote IRR|polarity|delivery|dest mode|del mode|vector|
    internal const ulong RemoteIrr = 1 << 14, Level = 1 << 15, Mask = 1 << 16;
    internal const ulong Writable = 0xFF00_0000_0001_AFFF;
    internal const int DestinationShift = 56, DestinationModeShift = 11;

    // A message signalled interrupt (SDM vol. 3, "Message Address Register Format")
    internal const ulong MessageBase = 0xFEE0_0000;
    internal const uint MessageAssert = 1 << 14;
}
