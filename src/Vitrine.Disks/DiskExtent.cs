namespace Vitrine.Disks;

/// <summary>A range of a disk of which all bytes are kept alike.</summary>
/// <param name="Start">First byte.</param>
/// <param name="Length">Bytes, at least one.</param>
/// <param name="Kind">What is known of them.</param>
/// <param name="Depth">Which image of a chain says so: 0 is the disk's own, 1 its backing file, ...</param>
/// <param name="FileOffset">Where in that image's file they are stored one after the other; null where they are not.</param>
public readonly record struct DiskExtent(long Start, long Length, DiskExtentKind Kind, int Depth, long? FileOffset);
