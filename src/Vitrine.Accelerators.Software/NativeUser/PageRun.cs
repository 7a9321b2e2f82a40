namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>Pages that follow one another in a program and in memory: one call maps them.</summary>
internal struct PageRun
{
    /// <summary>Linear address of the first page.</summary>
    public ulong Start;

    /// <summary>Bytes.</summary>
    public ulong Length;

    /// <summary>The stub's descriptor of the memory object.</summary>
    public int Descriptor;

    /// <summary>Offset of the first page in the object.</summary>
    public ulong Offset;

    /// <summary>PROT_READ, PROT_WRITE and PROT_EXEC.</summary>
    public int Protection;

    /// <summary>A page may come next.</summary>
    public readonly bool Continues(ulong page, int descriptor, ulong offset, int protection) =>
        Length != 0 && page == Start + Length && offset == Offset + Length && descriptor == Descriptor && protection == Protection;
}
