namespace Vitrine.Accelerators.Software.Translator.Counting;

/// <summary>What code with counters in it counts, in <see cref="Cpu.CpuState.Counters"/>.</summary>
internal enum TranslationCounter
{
    /// <summary>Blocks entered.</summary>
    Blocks,

    /// <summary>Guest instructions executed.</summary>
    Instructions,

    /// <summary>Accesses that look into the TLB first.</summary>
    TlbAccesses,

    /// <summary>Accesses that compare with the stack's page first.</summary>
    StackAccesses,

    /// <summary>Those that were in another page, when the TLB had it: at once or after it was filled.</summary>
    StackPageChanges,

    /// <summary>Branches through the branch table.</summary>
    TableBranches,

    /// <summary>Not a counter: holds a register while one is counted up.</summary>
    Saved,
}
