using Vitrine.X86;

namespace Vitrine.Memory;

/// <summary>Guest memory as devices see it: a write to a read-only slot is refused, as ROM ignores it. See <see cref="GuestMemory.ForDevices"/>.</summary>
internal sealed class DeviceMemory(GuestMemory memory) : IGuestMemory
{
    /// <inheritdoc/>
    public bool TryRead(Gpa address, Span<byte> destination) => memory.TryRead(address, destination);

    /// <inheritdoc/>
    public bool TryWrite(Gpa address, ReadOnlySpan<byte> source) => memory.TryWrite(address, source, obeysRights: true);

    /// <inheritdoc/>
    public bool TryRent(Gpa address, int length, MemoryIntent intent, out MemoryRental rental) =>
        memory.TryRent(address, length, intent, obeysRights: true, out rental);

    /// <inheritdoc/>
    public bool TryRentPart(Gpa address, int length, MemoryIntent intent, out MemoryRental rental) =>
        memory.TryRentPart(address, length, intent, obeysRights: true, out rental);
}
