using System.Runtime.InteropServices;
using Vitrine.Errors;

namespace Vitrine.Memory;

/// <summary>
/// Anonymous, page-aligned host memory that the host commits on first touch. One mapping backs one memory slot.
/// </summary>
public sealed unsafe partial class HostMapping : SafeHandle
{
    private const int ProtRead = 1;
    private const int ProtWrite = 2;
    private const int MapPrivate = 2;
    private const int MapAnonymous = 0x20;
    private const int MapNoReserve = 0x4000;
    private const int AdviseHugePage = 14;
    private const nuint LargePage = 2 << 20;

    private readonly nint _reservation;
    private readonly nuint _reserved;

    /// <summary>Maps <paramref name="size"/> bytes of zeros, aligned to 2 MiB so that large pages can back it.</summary>
    /// <param name="size">Size in bytes, a multiple of 4 KiB.</param>
    /// <exception cref="VitrineException">The host refused the mapping.</exception>
    public HostMapping(ulong size)
        : base(0, ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        ArgumentOutOfRangeException.ThrowIfNotEqual(size & 0xFFF, 0UL);
        Size = size;
        _reserved = (nuint)size + LargePage;
        nint address = Mmap(0, _reserved, ProtRead | ProtWrite, MapPrivate | MapAnonymous | MapNoReserve, -1, 0);
        if (address == -1)
        {
            throw VitrineException.Host(
                ErrorCode.MemoryRefused,
                $"The host refused {size >> 20} MiB of memory for the guest (errno {Marshal.GetLastPInvokeError()}).",
                "The host has less address space or memory left than the guest asks for.",
                "Give the guest less memory, or raise the limit shown by `ulimit -v`.").With("bytes", (ulong)size).With("errno", Marshal.GetLastPInvokeError());
        }

        _reservation = address;
        SetHandle((nint)(((nuint)address + LargePage - 1) & ~(LargePage - 1)));
    }

    /// <summary>Size in bytes.</summary>
    public ulong Size { get; }

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
        if (offset >= Size) return;
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
    protected override bool ReleaseHandle() => Munmap(_reservation, _reserved) == 0;

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Mmap(nint address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Madvise(nint address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Munmap(nint address, nuint length);
}
