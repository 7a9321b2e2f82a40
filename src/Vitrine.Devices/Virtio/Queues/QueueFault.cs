namespace Vitrine.Devices.Virtio.Queues;

/// <summary>What is wrong with a queue's rings, so that the device can't go on without a reset.</summary>
public enum QueueFault
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>A ring or the descriptor table is not in the guest's memory, or is not aligned.</summary>
    Unreachable,

    /// <summary>The available ring's index is further ahead than the ring is long.</summary>
    TooManyAvailable,

    /// <summary>A descriptor's number is not below the queue's size.</summary>
    DescriptorOutOfRange,

    /// <summary>A chain has more descriptors than there are: it leads into itself.</summary>
    Loop,
}
