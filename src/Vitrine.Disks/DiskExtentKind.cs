namespace Vitrine.Disks;

/// <summary>What is known of a range's bytes without reading them.</summary>
public enum DiskExtentKind
{
    /// <summary>They are stored, whatever they are.</summary>
    Data,

    /// <summary>They read as zeros, and the image says so itself: what lies under it does not show.</summary>
    Zero,

    /// <summary>They read as zeros, because neither the image nor anything under it holds them.</summary>
    Unallocated,
}
