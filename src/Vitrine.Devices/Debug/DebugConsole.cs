using Vitrine.Devices.Buses;
using Vitrine.Devices.Io;

namespace Vitrine.Devices.Debug;

/// <summary>The debug console that SeaBIOS and other firmware look for: bytes written go out, a read gives 0xE9 as its sign.</summary>
/// <param name="output">Receives each byte.</param>
public sealed class DebugConsole(IByteSink output) : IPortDevice
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
        output.Write(new ReadOnlySpan<byte>(in written));
    }
}
