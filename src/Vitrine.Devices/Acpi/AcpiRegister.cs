namespace Vitrine.Devices.Acpi;

/// <summary>A register, or block of registers, in I/O space.</summary>
/// <param name="Port">First port.</param>
/// <param name="Length">Bytes: 1, 2 or 4.</param>
public readonly record struct AcpiRegister(int Port, int Length);
