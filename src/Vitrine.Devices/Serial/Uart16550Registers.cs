namespace Vitrine.Devices.Serial;

/// <summary>Ports, offsets and bits of a PC's serial port (National Semiconductor PC16550D data sheet, table 2).</summary>
public static class Uart16550Registers
{
    /// <summary>First port of COM1.</summary>
    public const int Com1Port = 0x3F8;

    /// <summary>ISA interrupt of COM1.</summary>
    public const int Com1Interrupt = 4;

    /// <summary>Number of ports.</summary>
    public const int PortCount = 8;

    /// <summary>Bytes in each FIFO.</summary>
    public const int FifoDepth = 16;

    // Offsets. With DLAB the first two are the divisor.
    internal const int Data = 0, InterruptEnable = 1, InterruptIdentification = 2, LineControl = 3,
        ModemControl = 4, LineStatus = 5, ModemStatus = 6, Scratch = 7;

    // IER
    internal const byte IerReceived = 0x01, IerTransmitterEmpty = 0x02, IerLineStatus = 0x04, IerModemStatus = 0x08, IerMask = 0x0F;

    // IIR, in falling priority
    internal const byte IirLineStatus = 0x06, IirReceived = 0x04, IirTimeout = 0x0C, IirTransmitterEmpty = 0x02,
        IirModemStatus = 0x00, IirNone = 0x01, IirFifosEnabled = 0xC0;

    // FCR
    internal const byte FcrEnable = 0x01, FcrClearReceiver = 0x02, FcrTriggerShift = 6;

    // LCR
    internal const byte LcrDivisorLatch = 0x80;

    // MCR
    internal const byte McrDtr = 0x01, McrRts = 0x02, McrOut1 = 0x04, McrOut2 = 0x08, McrLoopback = 0x10, McrMask = 0x1F;

    // LSR
    internal const byte LsrDataReady = 0x01, LsrOverrun = 0x02, LsrTransmitterHoldingEmpty = 0x20, LsrTransmitterEmpty = 0x40;

    // MSR: deltas below, lines above
    internal const byte MsrDeltaCts = 0x01, MsrDeltaDsr = 0x02, MsrTrailingEdgeRi = 0x04, MsrDeltaDcd = 0x08,
        MsrCts = 0x10, MsrDsr = 0x20, MsrRi = 0x40, MsrDcd = 0x80;
}
