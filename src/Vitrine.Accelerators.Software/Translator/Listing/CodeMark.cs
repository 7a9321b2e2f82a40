namespace Vitrine.Accelerators.Software.Translator.Listing;

/// <summary>Where a part of a block's host code begins.</summary>
/// <param name="Host">Its distance from the block's first host byte.</param>
/// <param name="Title">What it is for; empty for a guest instruction.</param>
/// <param name="Instruction">The guest instruction's offset in the page, or -1.</param>
internal readonly record struct CodeMark(int Host, string Title, int Instruction);
