using Vitrine.Devices.Buses;
using Vitrine.Devices.Io;
using Vitrine.Devices.State;

namespace Vitrine.Devices.Debug;

/// <summary>The debug console that SeaBIOS and other firmware look for: bytes written go out, a read gives 0xE9 as its sign.</summary>
/// <param name="output">Receives each byte.</param>
public sealed class DebugConsole(IByteSink output) : IPortDevice, IDevice
{
    /// <summary>The port.</summary>
    public const int Port = 0x402;

    /// <summary>What a read gives: firmware writes only when it finds this value.</summary>
    public const byte Signature = 0xE9;

    /// <inheritdoc/>
    public string Name => "debug-console";

    /// <inheritdoc/>
    public uint ReadPort(int offset, int size) => Signature;

    /// <inheritdoc/>
    public void WritePort(int offset, int size, uint value)
    {
        byte written = (byte)value;
        output.Write(new ReadOnlySpan<byte>(in written));
    }

    /// <summary>Does nothing: it holds nothing.</summary>
    public void Reset()
    {
    }

    /// <inheritdoc/>
    public DeviceState Save() => NoState.Format.Write(Name, default);

    /// <inheritdoc/>
    public void Load(DeviceState saved) => NoState.Format.Read(Name, saved);

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Inspect() => [];
}
