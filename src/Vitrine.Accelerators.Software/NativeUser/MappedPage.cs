namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>A guest page in a stub.</summary>
internal struct MappedPage
{
    /// <summary>Linear address.</summary>
    public ulong Linear;

    /// <summary>Host address of the memory, as the monitor has it.</summary>
    public ulong Host;

    /// <summary>It can be written to.</summary>
    public bool Writable;

    /// <summary>It can be executed.</summary>
    public bool Executable;

    /// <summary>Index of the next page of the same bucket by linear address.</summary>
    public int NextOfLinear;

    /// <summary>The same by host address.</summary>
    public int NextOfHost;
}
