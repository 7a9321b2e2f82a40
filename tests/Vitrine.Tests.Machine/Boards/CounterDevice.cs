using Vitrine.Devices.Acpi;
using Vitrine.Devices.Buses;
using Vitrine.Devices.Interrupts;

namespace Vitrine.Tests.Boards;

/// <summary>A device with one register, which counts up by what is written to it and interrupts when it isn't zero.</summary>
internal sealed class CounterDevice(InterruptLine line) : IMmioDevice, IAcpiDevice
{
    public const ulong WindowLength = 0x1000;

    private ulong _value;

    public string AcpiHardwareId => "TEST0001";

    // Cache-coherent; any object of the namespace would do.
    public IReadOnlyList<byte[]> AcpiObjects => [Aml.Name("_CCA", Aml.Integer(1))];

    public ulong ReadMemory(ulong offset, int size) => offset == 0 ? _value : 0;

    public void WriteMemory(ulong offset, int size, ulong value)
    {
        if (offset == 0) _value += value;
        line.Set(_value != 0);
    }
}
