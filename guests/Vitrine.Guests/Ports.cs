namespace Vitrine.Guests;

/// <summary>I/O ports that the guests use.</summary>
internal static class Ports
{
    internal const byte Pic1Command = 0x20;
    internal const byte Pic1Data = 0x21;
    internal const byte Pit0 = 0x40;
    internal const byte PitCommand = 0x43;
    internal const byte KeyboardCommand = 0x64;
    internal const byte Pic2Data = 0xA1;
    internal const byte Pic2Command = 0xA0;
    internal const byte DebugExit = 0xF4;

    /// <summary>Nothing answers here.</summary>
    internal const ushort Unclaimed = 0x2F0;
    internal const ushort Serial = 0x3F8;
    internal const ushort SerialInterruptEnable = 0x3F9;
    internal const ushort SerialModemControl = 0x3FC;
    internal const ushort SerialLineStatus = 0x3FD;
    internal const ushort Pm1aControl = 0x604;
    internal const ushort ResetControl = 0xCF9;
}
