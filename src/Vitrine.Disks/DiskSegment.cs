using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Vitrine.Disks;

/// <summary>
/// A piece of memory that takes part in a transfer, as an address, so that a request's pieces can be kept in an array. It is laid out as
/// the kernel's
/// <c>struct iovec</c>: a transfer hands the array to readv(2) and writev(2) as it is.
/// </summary>
public readonly unsafe struct DiskSegment
{
    // The order of struct iovec.
    private readonly byte* _address;
    private readonly nint _length;

    /// <summary>Names a piece of memory.</summary>
    /// <param name="bytes">Memory that does not move and stays mapped until the transfer is over: guest memory, or a pinned array.</param>
    public DiskSegment(Span<byte> bytes)
    {
        // SAFETY: the caller vouches for memory that does not move; nothing is accessed here.
        _address = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(bytes));
        _length = bytes.Length;
    }

    internal DiskSegment(byte* address, int length)
    {
        // SAFETY: as above.
        _address = address;
        _length = length;
    }

    /// <summary>Bytes.</summary>
    public int Length => (int)_length;

    // Every bit that is set in the address or in the length.
    internal nint Alignment => (nint)_address | _length;

    // SAFETY: whoever made the segment vouches for the memory.
    internal Span<byte> Bytes => new(_address, (int)_length);

    internal DiskSegment Slice(int start, int length) => new(_address + start, length);
}
