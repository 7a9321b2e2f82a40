namespace Vitrine.Accelerators.Translation;

/// <summary>One host instruction of a listing.</summary>
/// <param name="Offset">Distance from the block's first host byte.</param>
/// <param name="Bytes">Its bytes, in hexadecimal.</param>
/// <param name="Text">The instruction, with names for the vCPU's state and for the code that all blocks share.</param>
/// <param name="Note">What the data behind a call to shared code says; empty where there is none.</param>
public sealed record HostCodeLine(int Offset, string Bytes, string Text, string Note = "");
