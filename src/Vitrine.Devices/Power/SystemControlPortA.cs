using System.Globalization;
using Vitrine.Devices.Buses;
using Vitrine.Devices.State;
using Vitrine.Errors;

namespace Vitrine.Devices.Power;

/// <summary>
/// Port 0x92 of the PS/2 and its heirs: bit 0 rising resets, bit 1 is the gate of address line 20. The gate is kept but
/// masks nothing, as on processors without an A20M# pin.
/// </summary>
/// <param name="reset">Called when the guest asks for a reset, with the device lock held.</param>
public sealed class SystemControlPortA(Action reset) : IPortDevice, IDevice
{
    /// <summary>The port.</summary>
    public const int Port = 0x92;

    private const byte FastReset = 0x01, AddressLine20 = 0x02;

    private static readonly ByteRegister PowerOn = new() { Value = AddressLine20 };

    private ByteRegister _state = PowerOn;

    /// <inheritdoc/>
    public string Name => "port92";

    /// <inheritdoc/>
    public uint ReadPort(int offset, int size) => _state.Value;

    /// <inheritdoc/>
    public void WritePort(int offset, int size, uint value)
    {
        bool rises = (value & ~(uint)_state.Value & FastReset) != 0;
        _state.Value = (byte)(value & (FastReset | AddressLine20));
        if (rises) reset();
    }

    /// <inheritdoc/>
    public void Reset() => _state = PowerOn;

    /// <inheritdoc/>
    public DeviceState Save() => ByteRegister.Format.Write(Name, _state);

    /// <inheritdoc/>
    public void Load(DeviceState saved)
    {
        ByteRegister state = ByteRegister.Format.Read(Name, saved);
        InvalidState.Unless((state.Value & ~(FastReset | AddressLine20)) == 0, Name, "a bit is set that isn't kept");
        _state = state;
    }

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Inspect()
    {
        yield return new("value", _state.Value.ToString("X2", CultureInfo.InvariantCulture));
    }
}
