using Vitrine.X86;

namespace Vitrine.Devices.Virtio.Queues;

/// <summary>A piece of guest memory that a driver lends to a device. Nothing of it is checked.</summary>
/// <param name="Address">First byte.</param>
/// <param name="Length">Bytes; not 0.</param>
public readonly record struct GuestBuffer(Gpa Address, uint Length);
