namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>A page as user code may have it mapped; see <see cref="SoftMmu.TryMapForUser"/>.</summary>
internal unsafe struct UserMapping
{
    // SAFETY: Host is the address of a page of a slot's memory, and only named here.

    /// <summary>Host address of the page.</summary>
    public byte* Host;

    /// <summary>Log2 of the guest's page size.</summary>
    public byte PageShift;

    /// <summary>Writes need not be noticed.</summary>
    public bool Writable;

    /// <summary>Instructions may be fetched.</summary>
    public bool Executable;
}
