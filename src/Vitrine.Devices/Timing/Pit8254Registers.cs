namespace Vitrine.Devices.Timing;

/// <summary>Ports and command bits of a PC's interval timer (Intel 8254 data sheet) and of its system control port B.</summary>
public static class Pit8254Registers
{
    /// <summary>First port: three counters and the control word.</summary>
    public const int Port = 0x40;

    /// <summary>Number of ports.</summary>
    public const int PortCount = 4;

    /// <summary>ISA interrupt of counter 0.</summary>
    public const int Interrupt = 0;

    /// <summary>System control port B: gate and output of counter 2.</summary>
    public const int SystemControlPortB = 0x61;

    /// <summary>Input frequency in Hz: 14.31818 MHz divided by 12.</summary>
    public const int Hertz = 1_193_182;

    internal const int ControlWord = 3;

    //  7  6   5  4    3  2  1   0
    // |SC1 SC0|RW1 RW0|M2 M1 M0|BCD|    read-back: |1 1|no count|no status|CNT2 CNT1 CNT0|0|
    internal const int SelectShift = 6, ReadBack = 3, AccessShift = 4, AccessLatch = 0;
    internal const byte ReadBackNoCount = 0x20, ReadBackNoStatus = 0x10;
    internal const byte StatusOutput = 0x80, StatusNullCount = 0x40;

    // System control port B
    internal const byte Gate2 = 0x01, RefreshToggle = 0x10, Output2 = 0x20, PortBWritable = 0x0F;
}
