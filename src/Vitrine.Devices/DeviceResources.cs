namespace Vitrine.Devices;

/// <summary>What a board gives to a device: the one place of these numbers, from which buses, interrupt lines and firmware tables follow.</summary>
/// <param name="Ports">Ranges of I/O ports, in the device's order.</param>
/// <param name="Memory">Ranges of device memory, in the device's order.</param>
/// <param name="Interrupts">ISA interrupt numbers, or global system interrupts from 16 on, in the device's order.</param>
public sealed record DeviceResources(IReadOnlyList<PortRange> Ports, IReadOnlyList<MmioRange> Memory, IReadOnlyList<int> Interrupts);
