namespace Vitrine.Accelerators.Software.Translator;

/// <summary>What can be chosen for a translator.</summary>
/// <param name="CodeBytes">The bound of the code memory. It is lower where the host's limits don't allow it.</param>
/// <param name="Exact">Flags are kept that only another block overwrites, and strings are no longer than the interpreter's trial: blocks can be compared.</param>
/// <param name="Shares">The machine has several vCPUs: one that spins may have to make room for the one that it waits for.</param>
/// <param name="Counts">What costs time to count is counted too.</param>
/// <param name="Copies">Memory is written by others, who don't tell: code is made of copies of its pages.</param>
internal sealed record TranslatorOptions(nuint CodeBytes, bool Exact, bool Shares, bool Counts, bool Copies);
