namespace Vitrine.Accelerators.Translation;

/// <summary>A piece of a block's host code with one purpose.</summary>
/// <param name="Title">What it is for, such as "read of 0x1000 misses the TLB"; empty where <paramref name="Guest"/> says it.</param>
/// <param name="Guest">The guest instruction that it carries out; null where it serves another purpose.</param>
/// <param name="Host">The host code; empty where an instruction needs none.</param>
public sealed record BlockPart(string Title, GuestCodeLine? Guest, IReadOnlyList<HostCodeLine> Host);
