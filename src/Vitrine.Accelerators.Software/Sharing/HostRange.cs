namespace Vitrine.Accelerators.Software.Sharing;

/// <summary>A range of host memory.</summary>
/// <param name="Start">Address of the first byte.</param>
/// <param name="Length">Bytes.</param>
internal readonly record struct HostRange(ulong Start, ulong Length);
