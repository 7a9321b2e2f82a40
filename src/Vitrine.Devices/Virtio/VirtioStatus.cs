namespace Vitrine.Devices.Virtio;

/// <summary>The device status field (Virtual I/O Device 1.2, 2.1).</summary>
internal static class VirtioStatus
{
    /// <summary>ACKNOWLEDGE: the system has found the device.</summary>
    public const byte Acknowledge = 1;

    /// <summary>DRIVER: it has a driver.</summary>
    public const byte Driver = 2;

    /// <summary>DRIVER_OK: the device may begin.</summary>
    public const byte DriverOk = 4;

    /// <summary>FEATURES_OK: the features are agreed.</summary>
    public const byte FeaturesOk = 8;

    /// <summary>DEVICE_NEEDS_RESET: the device can't go on. Only it sets the bit.</summary>
    public const byte NeedsReset = 64;

    /// <summary>FAILED: the driver has given up.</summary>
    public const byte Failed = 128;

    /// <summary>What a driver may set.</summary>
    public const byte DriverBits = Acknowledge | Driver | DriverOk | FeaturesOk | Failed;
}
