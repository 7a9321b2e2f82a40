namespace Vitrine.Devices.Power;

/// <summary>
/// The ACPI fixed hardware registers (ACPI 6.4, section 4.8.3). The FADT must say SMI_CMD 0, for ACPI mode is always on, and the flag
/// TMR_VAL_EXT (bit 8), for the timer has 32 bits; the rest follows from where the registers are attached.
/// </summary>
public static class AcpiPowerManagementRegisters
{
    /// <summary>First port.</summary>
    public const int Port = 0x600;

    /// <summary>Number of ports.</summary>
    public const int PortCount = 12;

    /// <summary>Length of PM1a_EVT_BLK in bytes: status, then enable, two bytes each.</summary>
    public const int EventBlockLength = 4;

    /// <summary>Length of PM1a_CNT_BLK in bytes.</summary>
    public const int ControlBlockLength = 2;

    /// <summary>Length of PM_TMR_BLK in bytes.</summary>
    public const int TimerBlockLength = 4;

    /// <summary>The timer's frequency in Hz.</summary>
    public const int TimerHertz = 3_579_545;

    /// <summary>Width of the timer in bits.</summary>
    public const int TimerBits = 32;

    /// <summary>ISA interrupt of the SCI: level-triggered, active high.</summary>
    public const int Interrupt = 9;

    /// <summary>SLP_TYP of S5 (soft off): the first two elements of the DSDT's \_S5 package.</summary>
    public const byte SleepTypeS5 = 5;

    internal const int EventOffset = 0, ControlOffset = 4, TimerOffset = 8;

    // PM1 status and enable
    internal const ushort TimerEvent = 1 << 0, GlobalLock = 1 << 5, PowerButton = 1 << 8, SleepButton = 1 << 9,
        Clock = 1 << 10, Wake = 1 << 15;
    internal const ushort EnableBits = TimerEvent | GlobalLock | PowerButton | SleepButton | Clock;

    // PM1 control:  13 SLP_EN (reads 0) | 12-10 SLP_TYP | 2 GBL_RLS (reads 0) | 1 BM_RLD | 0 SCI_EN
    internal const ushort SciEnable = 1 << 0, ControlKept = 0x1C02, SleepEnable = 1 << 13;
    internal const int SleepTypeShift = 10;
}
