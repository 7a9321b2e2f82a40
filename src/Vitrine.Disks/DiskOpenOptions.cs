namespace Vitrine.Disks;

/// <summary>How an image is opened.</summary>
public sealed record DiskOpenOptions
{
    /// <summary>
    /// Its format; null to tell it from the content. A raw image that was recognised so takes no write that would make it look like a qcow2
    /// image.
    /// </summary>
    public DiskFormat? Format { get; init; }

    /// <summary>True to open it for reading.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>
    /// True to keep what is written in a temporary file that is gone with this process. The image itself is opened for reading.
    /// </summary>
    public bool IsOverlay { get; init; }

    /// <summary>What the host keeps of it in memory.</summary>
    public DiskCache Cache { get; init; }

    /// <summary>False to open it whoever uses it. What is read from an image that another program writes may contradict itself.</summary>
    public bool IsLocked { get; init; } = true;
}
