namespace Vitrine.Devices.Virtio;

/// <summary>Feature bits that are no single device type's (Virtual I/O Device 1.2, 6 "Reserved Feature Bits").</summary>
internal static class VirtioFeatures
{
    /// <summary>VIRTIO_F_INDIRECT_DESC: a descriptor may lead to a table of descriptors.</summary>
    public const ulong IndirectDescriptors = 1UL << 28;

    /// <summary>VIRTIO_F_EVENT_IDX: each side says from which index on it wants to be told.</summary>
    public const ulong EventIndex = 1UL << 29;

    /// <summary>VIRTIO_F_VERSION_1: the driver knows the standard. Nothing else is spoken here.</summary>
    public const ulong Version1 = 1UL << 32;

    /// <summary>What every device here offers.</summary>
    public const ulong Common = IndirectDescriptors | EventIndex | Version1;
}
