namespace Vitrine.Devices;

/// <summary>A range of I/O ports.</summary>
/// <param name="First">First port.</param>
/// <param name="Count">Number of ports, at least 1.</param>
/// <param name="FirstOffset">The offset that the device sees for the first port.</param>
public readonly record struct PortRange(int First, int Count, int FirstOffset = 0);
