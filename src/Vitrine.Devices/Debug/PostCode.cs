using System.Globalization;
using Vitrine.Devices.Buses;

namespace Vitrine.Devices.Debug;

/// <summary>
/// Port 0x80: firmware reports its progress here. Systems also write it to let time pass, so it does nothing else.
/// </summary>
public sealed class PostCode : IPortDevice, IInspectable
{
    /// <summary>The port.</summary>
    public const int Port = 0x80;

    /// <inheritdoc/>
    public string Name => "post-code";

    /// <summary>The value written last.</summary>
    public byte Value { get; private set; }

    /// <inheritdoc/>
    public uint ReadPort(int offset, int size) => Value;

    /// <inheritdoc/>
    public void WritePort(int offset, int size, uint value) => Value = (byte)value;

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Inspect()
    {
        yield return new("value", Value.ToString("X2", CultureInfo.InvariantCulture));
    }
}
