namespace Vitrine.Devices.State;

/// <summary>The state of a device that holds nothing.</summary>
internal readonly struct NoState
{
    /// <summary>How it is written.</summary>
    public static DeviceStateFormat<NoState> Format { get; } = new(version: 1, static () => DeviceStateJson.Default.NoState);
}
