namespace Vitrine.Accelerators.Translation;

/// <summary>A register or a piece of memory that two engines left differently.</summary>
/// <param name="Name">Name of the register, or a guest-physical address in brackets.</param>
/// <param name="Before">What it held before the block, in hexadecimal.</param>
/// <param name="Translator">What translated code left in it.</param>
/// <param name="Interpreter">What the interpreter left in it.</param>
public sealed record ValueDifference(string Name, string Before, string Translator, string Interpreter);
