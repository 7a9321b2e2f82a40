namespace Vitrine.Accelerators.Translation;

/// <summary>One guest instruction of a listing.</summary>
/// <param name="Rip">Its RIP.</param>
/// <param name="Bytes">Its bytes, in hexadecimal.</param>
/// <param name="Text">The instruction.</param>
public sealed record GuestCodeLine(ulong Rip, string Bytes, string Text);
