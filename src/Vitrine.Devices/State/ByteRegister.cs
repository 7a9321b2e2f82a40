namespace Vitrine.Devices.State;

/// <summary>The state of a device that is one register of 8 bits.</summary>
internal struct ByteRegister
{
    /// <summary>What the register holds.</summary>
    public byte Value;

    /// <summary>How it is written.</summary>
    public static DeviceStateFormat<ByteRegister> Format { get; } = new(version: 1, static () => DeviceStateJson.Default.ByteRegister);
}
