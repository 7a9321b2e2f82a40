using System.Globalization;
using Vitrine.Devices.Buses;
using Vitrine.Devices.State;

namespace Vitrine.Devices.Debug;

/// <summary>
/// Port 0x80: firmware reports its progress here. Systems also write it to let time pass, so it does nothing else.
/// </summary>
public sealed class PostCode : IPortDevice, IDevice
{
    private ByteRegister _state;

    /// <summary>The port.</summary>
    public const int Port = 0x80;

    /// <inheritdoc/>
    public string Name => "post-code";

    /// <summary>The value written last.</summary>
    public byte Value => _state.Value;

    /// <inheritdoc/>
    public uint ReadPort(int offset, int size) => Value;

    /// <inheritdoc/>
    public void WritePort(int offset, int size, uint value) => _state.Value = (byte)value;

    /// <inheritdoc/>
    public void Reset() => _state = default;

    /// <inheritdoc/>
    public DeviceState Save() => ByteRegister.Format.Write(Name, _state);

    /// <inheritdoc/>
    public void Load(DeviceState saved) => _state = ByteRegister.Format.Read(Name, saved);

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Inspect()
    {
        yield return new("value", Value.ToString("X2", CultureInfo.InvariantCulture));
    }
}
