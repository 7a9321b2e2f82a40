using Vitrine.X86;

namespace Vitrine.Memory;

/// <summary>A range of guest-physical addresses, whatever lies there.</summary>
/// <param name="Start">First address.</param>
/// <param name="Length">Bytes.</param>
public readonly record struct GuestRange(Gpa Start, uint Length);
