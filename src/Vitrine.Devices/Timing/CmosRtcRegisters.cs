namespace Vitrine.Devices.Timing;

/// <summary>
/// Ports, registers and bits of a PC's clock (Motorola MC146818A data sheet), and what its battery-backed bytes mean to
/// firmware and systems.
/// </summary>
public static class CmosRtcRegisters
{
    /// <summary>Index port (bit 7 masks the NMI); the data port follows.</summary>
    public const int Port = 0x70;

    /// <summary>Number of ports.</summary>
    public const int PortCount = 2;

    /// <summary>ISA interrupt of the clock.</summary>
    public const int Interrupt = 8;

    /// <summary>Register that holds the century: the FADT's CENTURY.</summary>
    public const byte Century = 0x32;

    internal const int RamSize = 128;

    internal const int Seconds = 0x00, SecondsAlarm = 0x01, Minutes = 0x02, MinutesAlarm = 0x03, Hours = 0x04,
        HoursAlarm = 0x05, Weekday = 0x06, Day = 0x07, Month = 0x08, Year = 0x09,
        RegisterA = 0x0A, RegisterB = 0x0B, RegisterC = 0x0C, RegisterD = 0x0D;

    // What firmware stores: sizes in KiB or in units of 64 KiB, low byte first.
    internal const int Equipment = 0x14, BaseKilobytes = 0x15, ExtendedKilobytes = 0x17, ExtendedKilobytesCopy = 0x30,
        Above16Megabytes = 0x34, Above4Gigabytes = 0x5B;
    internal const byte EquipmentCoprocessor = 0x02;

    // Register A
    internal const byte UpdateInProgress = 0x80, DividerMask = 0x70, DividerReset = 0x60, RateMask = 0x0F,
        DefaultA = 0x26; // 32,768 Hz crystal, 1,024 Hz

    // Register B
    internal const byte Set = 0x80, PeriodicEnable = 0x40, AlarmEnable = 0x20, UpdateEnable = 0x10, Binary = 0x04,
        TwentyFourHours = 0x02;

    // Register C: the flags lie where register B has their enables.
    internal const byte InterruptFlag = 0x80, PeriodicFlag = 0x40, AlarmFlag = 0x20, UpdateFlag = 0x10,
        InterruptSources = 0x70;

    // Register D
    internal const byte ValidRam = 0x80;

    internal const byte AfternoonBit = 0x80, AlarmAny = 0xC0;
}
