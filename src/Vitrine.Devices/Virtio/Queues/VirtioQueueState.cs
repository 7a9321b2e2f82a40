namespace Vitrine.Devices.Virtio.Queues;

/// <summary>What a device holds of one queue; new, as after a reset.</summary>
internal struct VirtioQueueState
{
    /// <summary>Number of descriptors: a power of two.</summary>
    public ushort Size;

    /// <summary>The driver has set it up.</summary>
    public bool Ready;

    /// <summary>Guest-physical address of the descriptor table.</summary>
    public ulong Descriptors;

    /// <summary>Guest-physical address of the available ring, the driver area.</summary>
    public ulong Available;

    /// <summary>Guest-physical address of the used ring, the device area.</summary>
    public ulong Used;

    /// <summary>Index in the available ring, not reduced to the ring's size, of the next chain that the device takes.</summary>
    public ushort NextAvailable;

    /// <summary>Index in the used ring, not reduced, of the next chain that the device gives back.</summary>
    public ushort NextUsed;

    /// <summary>What <see cref="NextUsed"/> was when the driver was last told, or could have been.</summary>
    public ushort ToldUsed;
}
