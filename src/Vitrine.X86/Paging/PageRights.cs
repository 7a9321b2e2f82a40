namespace Vitrine.X86.Paging;

/// <summary>What all entries of a translation together say. Who may do what follows with <see cref="PagingContext.Permits"/>.</summary>
[Flags]
public enum PageRights
{
    /// <summary>A read-only, non-executable supervisor page.</summary>
    None = 0,

    /// <summary>The R/W bit is set in every entry.</summary>
    Writable = 1 << 0,

    /// <summary>The U/S bit is set in every entry: a user-mode address.</summary>
    User = 1 << 1,

    /// <summary>No entry has the execute-disable bit.</summary>
    Executable = 1 << 2,

    /// <summary>The translation is global: a CR3 load doesn't end it.</summary>
    Global = 1 << 3,

    /// <summary>
    /// The dirty bit of the last entry is set (by this walk or before). While it is clear, a cached translation mustn't serve
    /// writes: the first one has to set it.
    /// </summary>
    Dirty = 1 << 4,

    /// <summary>The protection key of the last entry, while CR4.PKE or CR4.PKS gives it a meaning. See <see cref="Paging.ProtectionKey"/>.</summary>
    ProtectionKey = 0xF << 8,
}
