using Vitrine.Devices;
using Vitrine.Devices.Buses;
using Vitrine.Devices.State;

namespace Vitrine.Tests.Boards;

/// <summary>A device with one register; a write to it does what a test wants.</summary>
internal sealed class ActingDevice(Action<uint> write) : IPortDevice, IDevice
{
    public string Name => "acting";

    public uint ReadPort(int offset, int size) => 0;

    public void WritePort(int offset, int size, uint value) => write(value);

    public void Reset()
    {
    }

    public DeviceState Save() => NoState.Format.Write(Name, default);

    public void Load(DeviceState saved) => NoState.Format.Read(Name, saved);

    public IEnumerable<KeyValuePair<string, string>> Inspect() => [];
}
