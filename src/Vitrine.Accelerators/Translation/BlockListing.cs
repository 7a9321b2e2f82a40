namespace Vitrine.Accelerators.Translation;

/// <summary>One translated block: guest code, and the host code that was made of it.</summary>
/// <param name="Rip">RIP of the first instruction.</param>
/// <param name="Bitness">64 or 32: how the guest code is decoded.</param>
/// <param name="GuestInstructions">How many guest instructions are translated.</param>
/// <param name="GuestBytes">Bytes of them.</param>
/// <param name="HostBytes">Bytes of host code, with what lies out of line.</param>
/// <param name="Parts">In the order of the host code.</param>
public sealed record BlockListing(
    ulong Rip, int Bitness, int GuestInstructions, int GuestBytes, int HostBytes, IReadOnlyList<BlockPart> Parts);
