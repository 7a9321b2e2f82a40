namespace Vitrine.Accelerators.Statistics;

/// <summary>How often the interpreter executed an instruction amid translated code.</summary>
/// <param name="Mnemonic">The instruction, in lower case.</param>
/// <param name="Cause">Why.</param>
/// <param name="Count">How often.</param>
public sealed record InterpretedCount(string Mnemonic, InterpretationCause Cause, ulong Count);
