namespace Vitrine.Accelerators.Software.Translator.Emission;

/// <summary>The page of a slot holds addresses with certain registers from one place to another.</summary>
internal struct PageFact
{
    /// <summary>Still so.</summary>
    public bool Holds;

    /// <summary>The registers.</summary>
    public OperandAddress Address;

    /// <summary>The first place: a distance from the registers, that of RSP at the start of the block.</summary>
    public long Low;

    /// <summary>The place after the last one.</summary>
    public long High;

    /// <summary>The page takes writes.</summary>
    public bool Writes;

    /// <summary>What <see cref="Low"/> was found to be aligned to, in bytes.</summary>
    public int Alignment;

    /// <summary>The number of the slot.</summary>
    public int Slot;
}
