namespace Vitrine.Accelerators.Software.Translator.Emission;

/// <summary>What code that serves a miss has in <see cref="RegisterMap.Second"/> where the block goes on.</summary>
internal enum MissEnd
{
    /// <summary>The distance of the address that was checked from the page's start.</summary>
    Distance,

    /// <summary>Nothing: it is loaded again.</summary>
    Nothing,

    /// <summary>The slot's addend.</summary>
    Addend,

    /// <summary>A host address, <see cref="PendingExit.Own"/> before the instruction's own.</summary>
    Host,
}
