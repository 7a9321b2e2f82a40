namespace Vitrine.Devices;

/// <summary>A range of device memory.</summary>
/// <param name="Start">Guest-physical address of the first byte.</param>
/// <param name="Length">Bytes, at least 1.</param>
public readonly record struct MmioRange(ulong Start, ulong Length);
