namespace Vitrine.Devices.Virtio;

/// <summary>Registers of a virtio device on a memory-mapped bus (Virtual I/O Device 1.2, 4.2.2 "MMIO Device Register Layout"), by offset.</summary>
public static class VirtioMmioRegisters
{
    /// <summary>Bytes that a device takes of the guest-physical address space.</summary>
    public const ulong WindowLength = 0x1000;

    /// <summary>Where the device's own configuration begins.</summary>
    public const int Configuration = 0x100;

    internal const uint Magic = 0x74726976; // "virt"
    internal const uint Version = 2;
    internal const uint Vendor = 0x4E525456; // "VTRN"

    internal const int MagicValue = 0x00;
    internal const int VersionNumber = 0x04;
    internal const int DeviceId = 0x08;
    internal const int VendorId = 0x0C;
    internal const int DeviceFeatures = 0x10;
    internal const int DeviceFeaturesSelect = 0x14;
    internal const int DriverFeatures = 0x20;
    internal const int DriverFeaturesSelect = 0x24;
    internal const int QueueSelect = 0x30;
    internal const int QueueSizeMaximum = 0x34;
    internal const int QueueSize = 0x38;
    internal const int QueueReady = 0x44;
    internal const int QueueNotify = 0x50;
    internal const int InterruptStatus = 0x60;
    internal const int InterruptAcknowledge = 0x64;
    internal const int Status = 0x70;
    internal const int QueueDescriptorsLow = 0x80;
    internal const int QueueDescriptorsHigh = 0x84;
    internal const int QueueDriverLow = 0x90;
    internal const int QueueDriverHigh = 0x94;
    internal const int QueueDeviceLow = 0xA0;
    internal const int QueueDeviceHigh = 0xA4;
    internal const int SharedMemorySelect = 0xAC;
    internal const int SharedMemoryLengthLow = 0xB0;
    internal const int SharedMemoryLengthHigh = 0xB4;
    internal const int SharedMemoryBaseLow = 0xB8;
    internal const int SharedMemoryBaseHigh = 0xBC;
    internal const int ConfigurationGeneration = 0xFC;

    /// <summary>Bit 0 of the interrupt status: a queue has used buffers.</summary>
    internal const byte UsedBuffer = 1;

    /// <summary>Bit 1 of the interrupt status: the configuration has changed, or the device needs a reset.</summary>
    internal const byte ConfigurationChange = 2;
}
