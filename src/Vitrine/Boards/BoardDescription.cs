using Vitrine.Acpi;

namespace Vitrine.Boards;

/// <summary>What firmware would find out about a board and tell an operating system. It follows from the devices attached.</summary>
/// <param name="Memory">Where there is RAM.</param>
/// <param name="Acpi">What the ACPI tables are generated from.</param>
/// <param name="SerialPorts">First ports of the serial ports, for the BIOS data area.</param>
internal sealed record BoardDescription(MemoryLayout Memory, AcpiHardware Acpi, IReadOnlyList<int> SerialPorts);
