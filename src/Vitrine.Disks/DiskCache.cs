namespace Vitrine.Disks;

/// <summary>What the host keeps of a disk's content in its memory.</summary>
public enum DiskCache
{
    /// <summary>What was read and written, as of any file; <see cref="DiskImage.Flush"/> makes it durable.</summary>
    Writeback,

    /// <summary>
    /// Nothing where that can be helped (O_DIRECT): transfers whose memory, place and length are multiples of 4 KiB go to the device.
    /// </summary>
    None,
}
