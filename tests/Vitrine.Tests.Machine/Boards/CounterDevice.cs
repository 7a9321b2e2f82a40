using System.Globalization;
using System.Text.Json;
using Vitrine.Devices;
using Vitrine.Devices.Acpi;
using Vitrine.Devices.Buses;
using Vitrine.Devices.Interrupts;
using Vitrine.Devices.State;

namespace Vitrine.Tests.Boards;

/// <summary>A device with one register, which counts up by what is written to it and interrupts when it isn't zero.</summary>
internal sealed class CounterDevice(InterruptLine line) : IMmioDevice, IDevice, IAcpiDevice
{
    public const ulong WindowLength = 0x1000;

    private ulong _value;

    public string Name => "counter";

    public string AcpiHardwareId => "TEST0001";

    // Cache-coherent; any object of the namespace would do.
    public IReadOnlyList<byte[]> AcpiObjects => [Aml.Name("_CCA", Aml.Integer(1))];

    public ulong ReadMemory(ulong offset, int size) => offset == 0 ? _value : 0;

    public void WriteMemory(ulong offset, int size, ulong value)
    {
        if (offset == 0) _value += value;
        line.Set(_value != 0);
    }

    public void Reset()
    {
        _value = 0;
        line.Set(false);
    }

    public DeviceState Save() => new(Name, 1, JsonElement.Parse(_value.ToString(CultureInfo.InvariantCulture)));

    public void Load(DeviceState saved)
    {
        _value = saved.State.GetUInt64();
        line.Restore(_value != 0);
    }

    public IEnumerable<KeyValuePair<string, string>> Inspect() => [];
}
