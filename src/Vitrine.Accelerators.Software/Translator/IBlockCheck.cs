namespace Vitrine.Accelerators.Software.Translator;

/// <summary>Compares each block that runs with something else. Then every block runs alone: it begins and ends in the engine.</summary>
internal unsafe interface IBlockCheck
{
    // SAFETY: the pointers are the engine's: blocks of its cache, and sites in its code.

    /// <summary>The block that runs, or ran last.</summary>
    TranslatedBlock* Block { get; }

    /// <summary>Prepares the run of one block that nothing leads out of.</summary>
    /// <returns>Where to enter it; null when something has filled the exit.</returns>
    byte* Begin(TranslatedBlock* block, ulong rip);

    /// <summary>Compares where an exit leaves the block.</summary>
    /// <returns>False when something differs: the exit is filled in.</returns>
    bool AgreesAt(ExitReason reason, byte* site);

    /// <summary>Compares where an access leaves the block: for the interpreter, for code that checks each access alone, or because it faults.</summary>
    /// <returns>False when something differs: the exit is filled in.</returns>
    bool AgreesAtAccess(ulong rip);
}
