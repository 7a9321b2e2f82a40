using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Vitrine.Errors;

namespace Vitrine.Memory;

/// <summary>
/// Page-aligned host memory that the host commits on first touch. One mapping may back several memory slots.
/// </summary>
public sealed unsafe partial class HostMapping : SafeHandle
{
    private const int ProtRead = 1;
    private const int ProtWrite = 2;
    private const int ProtNone = 0;
    private const int MapShared = 1;
    private const int MapPrivate = 2;
    private const int MapFixed = 0x10;
    private const int MapAnonymous = 0x20;
    private const int MapNoReserve = 0x4000;
    private const int AdviseHugePage = 14;
    private const nuint LargePage = 2 << 20;

    private readonly nint _reservation;
    private readonly nuint _reserved;

    /// <summary>Maps <paramref name="size"/> bytes of zeros, aligned to 2 MiB so that large pages can back it.</summary>
    /// <param name="size">Size in bytes, a multiple of 4 KiB.</param>
    /// <param name="backing">Whether others can share it.</param>
    /// <exception cref="VitrineException">The host refused the memory.</exception>
    public HostMapping(ulong size, MemoryBacking backing = MemoryBacking.Anonymous)
        : base(0, ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        ArgumentOutOfRangeException.ThrowIfNotEqual(size & 0xFFF, 0UL);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, ulong.MaxValue - LargePage);
        Size = size;
        _reserved = (nuint)size + LargePage;
        File = backing == MemoryBacking.Shared ? MemoryFile.Create(size) : null;
        nint address = Mmap(0, _reserved, File is null ? ProtRead | ProtWrite : ProtNone, MapPrivate | MapAnonymous | MapNoReserve, -1, 0);
        if (address == -1) throw Refuse(size);
        _reservation = address;
        nint aligned = (nint)(((nuint)address + LargePage - 1) & ~(LargePage - 1));

        // SAFETY: the range that is replaced lies in the reservation that was just made.
        if (File is not null && Mmap(
            aligned, (nuint)size, ProtRead | ProtWrite, MapShared | MapNoReserve | MapFixed, (int)File.DangerousGetHandle(), 0) == -1)
        {
            throw Refuse(size);
        }

        SetHandle(aligned);
    }

    private HostMapping(nint address, ulong size)
        : base(0, ownsHandle: false)
    {
        Size = size;
        SetHandle(address);
    }

    /// <summary>Names memory that somebody else has mapped, who keeps it for as long as a slot shows it. It is neither given back nor advised on.</summary>
    /// <param name="address">First byte, a multiple of 4 KiB.</param>
    /// <param name="size">Size in bytes, a multiple of 4 KiB.</param>
    public static HostMapping Borrow(nint address, ulong size)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        ArgumentOutOfRangeException.ThrowIfNotEqual((size | (ulong)address) & 0xFFF, 0UL);
        return new HostMapping(address, size);
    }

    /// <summary>Size in bytes.</summary>
    public ulong Size { get; }

    /// <summary>
    /// The memory object that is mapped here from its first byte on; null for anonymous memory. Its size is sealed. Another process that maps it sees the guest's
    /// writes, and what it writes is data to the guest: code that a vCPU has decoded, and dirty logs, hear nothing of it.
    /// </summary>
    public SafeFileHandle? File { get; }

    /// <summary>First byte. Valid until the mapping is disposed.</summary>
    public byte* Pointer => (byte*)handle;

    /// <summary>
    /// Says that a range is about to be filled: the host may back it with large pages, one fault for each instead of 512.
    /// Only large pages that lie wholly inside the range, so nothing beyond it is committed. A host that can't ignores it.
    /// </summary>
    /// <param name="offset">First byte.</param>
    /// <param name="length">Bytes; the range is cut to the mapping.</param>
    public void ExpectFill(ulong offset, ulong length)
    {
        if (offset >= Size || _reservation == 0) return;
        ulong end = offset + Math.Min(length, Size - offset);
        ulong first = (offset + LargePage - 1) & ~((ulong)LargePage - 1);
        ulong last = end & ~((ulong)LargePage - 1);
        if (first >= last) return;

        // SAFETY: first and last lie inside the mapping, which is aligned to a large page.
        _ = Madvise(handle + (nint)first, (nuint)(last - first), AdviseHugePage);
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        File?.Dispose();
        return Munmap(_reservation, _reserved) == 0;
    }

    /// <summary>Gives back what the constructor has taken so far.</summary>
    private VitrineException Refuse(ulong size)
    {
        int error = Marshal.GetLastPInvokeError();
        File?.Dispose();
        if (_reservation != 0) _ = Munmap(_reservation, _reserved);
        return VitrineException.Host(
            ErrorCode.MemoryRefused,
            $"The host refused {size >> 20} MiB of memory for the guest (errno {error}).",
            "The host has less address space or memory left than the guest asks for.",
            "Give the guest less memory, or raise the limit shown by `ulimit -v`.").With("bytes", size).With("errno", error);
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Mmap(nint address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Madvise(nint address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Munmap(nint address, nuint length);
}
