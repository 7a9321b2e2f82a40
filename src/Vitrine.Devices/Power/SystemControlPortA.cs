using System.Globalization;
using Vitrine.Devices.Buses;

namespace Vitrine.Devices.Power;

/// <summary>
/// Port 0x92 of the PS/2 and its heirs: bit 0 rising resets, bit 1 is the gate of address line 20. The gate is kept but
/// masks nothing, as on processors without an A20M# pin.
/// </summary>
/// <param name="reset">Called when the guest asks for a reset, with the device lock held.</param>
public sealed class SystemControlPortA(Action reset) : IPortDevice, IInspectable
{
    /// <summary>The port.</summary>
    public const int Port = 0x92;

    private const byte FastReset = 0x01, AddressLine20 = 0x02;

    private byte _value = AddressLine20;

    /// <inheritdoc/>
    public string Name => "port92";

    /// <inheritdoc/>
    public uint ReadPort(int offset, int size) => _value;

    /// <inheritdoc/>
    public void WritePort(int offset, int size, uint value)
    {
        bool rises = (value & ~(uint)_value & FastReset) != 0;
        _value = (byte)(value & (FastReset | AddressLine20));
        if (rises) reset();
    }

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Inspect()
    {
        yield return new("value", _value.ToString("X2", CultureInfo.InvariantCulture));
    }
}
