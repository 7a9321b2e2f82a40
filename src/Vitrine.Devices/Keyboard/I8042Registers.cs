namespace Vitrine.Devices.Keyboard;

/// <summary>Ports, commands and bits of a PC's keyboard controller (IBM PS/2 Hardware Interface Technical Reference, "Keyboard and auxiliary device controller").</summary>
public static class I8042Registers
{
    /// <summary>The data port, device offset <see cref="DataOffset"/>.</summary>
    public const int DataPort = 0x60;

    /// <summary>The command and status port, device offset <see cref="CommandOffset"/>.</summary>
    public const int CommandPort = 0x64;

    /// <summary>Offset that the device expects the data port at.</summary>
    public const int DataOffset = 0;

    /// <summary>Offset that the device expects the command port at.</summary>
    public const int CommandOffset = 4;

    /// <summary>ISA interrupt of the keyboard.</summary>
    public const int Interrupt = 1;

    // Status
    internal const byte StatusOutputFull = 0x01, StatusSystem = 0x04, StatusCommand = 0x08, StatusUnlocked = 0x10,
        StatusTimeout = 0x40;

    // Commands
    internal const byte ReadRam = 0x20, ReadRamLast = 0x3F, WriteRam = 0x60, WriteRamLast = 0x7F,
        DisableAuxiliary = 0xA7, EnableAuxiliary = 0xA8, TestAuxiliary = 0xA9, SelfTest = 0xAA, TestKeyboard = 0xAB,
        DisableKeyboard = 0xAD, EnableKeyboard = 0xAE, ReadInputPort = 0xC0, ReadOutputPort = 0xD0,
        WriteOutputPort = 0xD1, WriteKeyboardBuffer = 0xD2, WriteAuxiliaryBuffer = 0xD3, WriteAuxiliary = 0xD4,
        PulseFirst = 0xF0;

    // Command byte (RAM byte 0)
    internal const byte KeyboardInterrupt = 0x01, SystemFlag = 0x04, KeyboardDisabled = 0x10, AuxiliaryDisabled = 0x20,
        Translate = 0x40;

    // Output port
    internal const byte OutputNoReset = 0x01, OutputAddressLine20 = 0x02, OutputKeyboardFull = 0x10, OutputIdle = 0xC0;

    internal const byte SelfTestPassed = 0x55, InterfaceTestPassed = 0x00, ClockLineStuckLow = 0x01, Resend = 0xFE,
        InputPortIdle = 0x80;
}
