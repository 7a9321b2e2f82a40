namespace Vitrine.Disks;

/// <summary>How a disk's content is kept in a file.</summary>
public enum DiskFormat
{
    /// <summary>Byte by byte.</summary>
    Raw,

    /// <summary>QEMU's format. It is recognised, and refused so far.</summary>
    Qcow2,
}
