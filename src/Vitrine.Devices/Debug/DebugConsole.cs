using Vitrine.Devices.Buses;

namespace Vitrine.Devices.Debug;

/// <summary>The debug console that SeaBIOS and other firmware look for: bytes written go out, a read gives 0xE9 as its sign.</summary>
/// <param name="output">Receives each byte, with the device lock held.</param>
public sealed class DebugConsole(Action<ReadOnlySpan<byte>> output) : IPortDevice
{
    /// <summary>The port.</summary>
    public const int Port = 0x402;

    /// <summary>What a read gives: firmware writes only when it finds this value.</summary>
    public const byte Signature = 0xE9;

    /// <inheritdoc/>
    public uint ReadPort(int offset, int size) => Signature;

    /// <inheritdoc/>
    public void WritePort(int offset, int size, uint value)
    {
        byte written = (byte)value;
        output(new ReadOnlySpan<byte>(in written));
    }
}
