namespace Vitrine.Memory;

/// <summary>What host memory lies behind guest memory.</summary>
public enum MemoryBacking
{
    /// <summary>Memory of this process alone.</summary>
    Anonymous,

    /// <summary>A memory object with a descriptor (memfd_create(2)), which other processes and other mappings can share. Linux only.</summary>
    Shared,
}
