using Vitrine.Devices.Buses;
using Vitrine.Devices.State;

namespace Vitrine.Devices.Debug;

/// <summary>The debug-exit port: a guest that writes a value to it ends, as with QEMU's isa-debug-exit. Reads give 0.</summary>
/// <param name="exit">Receives the value, with the device lock held.</param>
public sealed class DebugExit(Action<uint> exit) : IPortDevice, IDevice
{
    /// <summary>First port.</summary>
    public const int Port = 0xF4;

    /// <summary>Number of ports.</summary>
    public const int PortCount = 4;

    /// <inheritdoc/>
    public string Name => "debug-exit";

    /// <inheritdoc/>
    public int WidestPortAccess => 4;

    /// <inheritdoc/>
    public uint ReadPort(int offset, int size) => 0;

    /// <inheritdoc/>
    public void WritePort(int offset, int size, uint value) => exit(value);

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
