using System.Globalization;
using Vitrine.Devices.Buses;
using Vitrine.Devices.State;
using Vitrine.Errors;
using static Vitrine.Devices.Timing.Pit8254Registers;

namespace Vitrine.Devices.Timing;

/// <summary>
/// Port 0x61: bit 0 is the gate of timer counter 2, bit 5 its output, bit 4 changes with each memory refresh (15 us);
/// bits 1 to 3 (speaker, parity and channel check) are kept, bits 6 and 7 report no error.
/// </summary>
public sealed class SystemControlPortB(Pit8254 timer) : IPortDevice, IDevice
{
    // Counter 1 of a PC is programmed for 18 clocks.
    private const int RefreshClocks = 18;

    private ByteRegister _state;

    /// <inheritdoc/>
    public string Name => "port61";

    /// <summary>The bits that are kept as they were written. The gate of counter 2 does not follow what is written here.</summary>
    internal byte Latch
    {
        get => _state.Value;
        set => _state.Value = (byte)(value & PortBWritable);
    }

    private byte Value => (byte)(_state.Value
        | (timer.Now / RefreshClocks % 2 != 0 ? RefreshToggle : 0)
        | (timer.Output2 ? Output2 : 0));

    /// <inheritdoc/>
    public uint ReadPort(int offset, int size) => Value;

    /// <inheritdoc/>
    public void WritePort(int offset, int size, uint value)
    {
        _state.Value = (byte)(value & PortBWritable);
        timer.Gate2 = (value & Gate2) != 0;
    }

    /// <inheritdoc/>
    public void Reset() => _state = default;

    /// <inheritdoc/>
    public DeviceState Save() => ByteRegister.Format.Write(Name, _state);

    /// <inheritdoc/>
    public void Load(DeviceState saved)
    {
        ByteRegister state = ByteRegister.Format.Read(Name, saved);
        InvalidState.Unless((state.Value & ~PortBWritable) == 0, Name, "a bit is set that isn't kept");
        _state = state;
    }

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Inspect()
    {
        yield return new("value", Value.ToString("X2", CultureInfo.InvariantCulture));
    }
}
