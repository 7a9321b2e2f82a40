using System.Globalization;
using Vitrine.Devices.Acpi;
using Vitrine.Devices.Buses;
using Vitrine.Devices.State;
using Vitrine.Errors;
using static Vitrine.Devices.Power.ResetControlRegisters;

namespace Vitrine.Devices.Power;

/// <summary>
/// The reset control register at 0xCF9: a rising bit 2 resets, whichever kind bit 1 asks for. It answers to byte
/// accesses only; all others are PCI's, which this board has not.
/// </summary>
/// <param name="reset">Called when the guest asks for a reset, with the device lock held.</param>
public sealed class ResetControl(Action reset) : IPortDevice, IDevice, IAcpiFixedHardware
{
    private ByteRegister _state;

    /// <inheritdoc/>
    public string Name => "reset-control";

    /// <inheritdoc/>
    public int WidestPortAccess => 4;

    /// <inheritdoc/>
    public uint ReadPort(int offset, int size) => IsRegister(offset, size) ? _state.Value : uint.MaxValue;

    /// <inheritdoc/>
    public void WritePort(int offset, int size, uint value)
    {
        if (!IsRegister(offset, size)) return;
        _state.Value = (byte)(value & Kept);
        if ((value & ResetProcessor) != 0) reset();
    }

    /// <inheritdoc/>
    public void DescribeTo(AcpiFixedHardware hardware, DeviceResources resources)
    {
        hardware.ResetRegister = new AcpiRegister(resources.Ports[0].First + RegisterOffset, 1);
        hardware.ResetValue = ResetValue;
    }

    /// <inheritdoc/>
    public void Reset() => _state = default;

    /// <inheritdoc/>
    public DeviceState Save() => ByteRegister.Format.Write(Name, _state);

    /// <inheritdoc/>
    public void Load(DeviceState saved)
    {
        ByteRegister state = ByteRegister.Format.Read(Name, saved);
        InvalidState.Unless((state.Value & ~Kept) == 0, Name, "a bit is set that isn't kept");
        _state = state;
    }

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Inspect()
    {
        yield return new("value", _state.Value.ToString("X2", CultureInfo.InvariantCulture));
    }

    private static bool IsRegister(int offset, int size) => offset == RegisterOffset && size == 1;
}
