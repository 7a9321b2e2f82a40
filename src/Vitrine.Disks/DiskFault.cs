namespace Vitrine.Disks;

/// <summary>Why a disk's access failed.</summary>
public enum DiskFault
{
    /// <summary>The host's file system reported an error, or the file has gone.</summary>
    HostError,

    /// <summary>The host's file system, or the user's share of it, is full.</summary>
    NoSpace,

    /// <summary>The image may not be written.</summary>
    ReadOnly,

    /// <summary>The image contradicts itself where it was accessed.</summary>
    Corrupt,
}
