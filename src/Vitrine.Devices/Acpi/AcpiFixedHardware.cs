namespace Vitrine.Devices.Acpi;

/// <summary>What the devices of a board contribute to its FADT (ACPI specification 6.3, 5.2.9). What no device sets, the board does not have.</summary>
public sealed class AcpiFixedHardware
{
    /// <summary>SCI_INT: ISA interrupt of the system control interrupt, level-triggered and active high.</summary>
    public int? ControlInterrupt { get; set; }

    /// <summary>PM1a_EVT_BLK. A board without it is hardware-reduced.</summary>
    public AcpiRegister? EventBlock { get; set; }

    /// <summary>PM1a_CNT_BLK.</summary>
    public AcpiRegister? ControlBlock { get; set; }

    /// <summary>PM_TMR_BLK, with 32 bits.</summary>
    public AcpiRegister? TimerBlock { get; set; }

    /// <summary>SLP_TYP of S5 for the DSDT's \_S5 package; null where the board can't be switched off.</summary>
    public byte? SoftOffSleepType { get; set; }

    /// <summary>RESET_REG.</summary>
    public AcpiRegister? ResetRegister { get; set; }

    /// <summary>RESET_VALUE.</summary>
    public byte ResetValue { get; set; }

    /// <summary>CENTURY: the clock's register with the century; 0 for none.</summary>
    public byte CenturyRegister { get; set; }

    /// <summary>Whether there is a keyboard controller at ports 0x60 and 0x64.</summary>
    public bool HasKeyboardController { get; set; }
}
