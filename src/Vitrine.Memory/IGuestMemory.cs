using Vitrine.X86;

namespace Vitrine.Memory;

/// <summary>
/// Guest-physical memory as a loader, a device or a tool sees it. Every write through it reaches the vCPUs as a device's DMA does: decoded and translated code,
/// shadow page tables and dirty logs follow it. A party that writes guest memory in any other way breaks that.
/// </summary>
/// <remarks>
/// Any thread may call, also while vCPUs run. Bytes are in memory when a write returns, and a vCPU uses no code decoded from the old bytes after its next
/// interrupt, exit or serializing instruction (SDM vol. 3, 9.1.3 "Handling Self- and Cross-Modifying Code"). So a device that writes, and then raises an interrupt,
/// finds the handler see both data and code. An address translation made from page tables that were written lasts until the guest flushes it (SDM vol. 3, 4.10.4),
/// as with any store to them. Accesses are not atomic as a whole.
/// </remarks>
public interface IGuestMemory
{
    /// <summary>Copies guest memory out; the range may span adjacent slots.</summary>
    /// <param name="address">First address.</param>
    /// <param name="destination">Receives the bytes.</param>
    /// <returns>False when part of the range has no slot; the destination is then undefined.</returns>
    bool TryRead(Gpa address, Span<byte> destination);

    /// <summary>Copies into guest memory; the range may span adjacent slots.</summary>
    /// <param name="address">First address.</param>
    /// <param name="source">The bytes.</param>
    /// <returns>False when part of the range has no slot, or one that this party may not write to; bytes before it may have been written.</returns>
    bool TryWrite(Gpa address, ReadOnlySpan<byte> source);

    /// <summary>Lends the memory itself, for use in place.</summary>
    /// <param name="address">First address.</param>
    /// <param name="length">Bytes; they must lie in one slot.</param>
    /// <param name="intent">What will be done with them.</param>
    /// <param name="rental">The memory. Dispose it once, and before it is used by anything that the write announces; empty on failure.</param>
    /// <returns>False when the range is not wholly in one slot, or that slot may not be written to and the intent says so.</returns>
    bool TryRent(Gpa address, int length, MemoryIntent intent, out MemoryRental rental);

    /// <summary>As <see cref="TryRent"/>, of as many of the bytes as lie in one slot with the first: at least one.</summary>
    /// <returns>False when the first byte is not in a slot, or in one that may not be written to and the intent says so; or the length is below 1.</returns>
    bool TryRentPart(Gpa address, int length, MemoryIntent intent, out MemoryRental rental);
}
