using System.Buffers.Binary;
using Vitrine.Explain.Model;

namespace Vitrine.Explain.Fetch;

/// <summary>Asks Linux which page frame lies behind an address of this process (/proc/self/pagemap, Documentation/admin-guide/mm/pagemap.rst).</summary>
/// <remarks>
/// <code>
///  63       62       61               55          54..0
///  present  swapped  file or shared   soft-dirty  page frame number, 0 without CAP_SYS_ADMIN
/// </code>
/// </remarks>
internal static class HostPhysicalAddress
{
    private const int EntrySize = 8;
    private const ulong Present = 1UL << 63;
    private const ulong FrameMask = (1UL << 55) - 1;

    // 4 KiB on x86-64; Arm64 kernels may have 16 or 64 KiB.
    private static readonly ulong s_pageSize = (ulong)Environment.SystemPageSize;

    /// <summary>Looks an address up. The page is not touched: one that nobody has touched yet has no frame.</summary>
    public static HostFact Find(ulong hostVirtual)
    {
        if (!TryReadEntry(hostVirtual, out ulong entry)) return new(hostVirtual, null, "the kernel doesn't tell it to this process");
        if ((entry & Present) == 0) return new(hostVirtual, null, "no page frame yet: nobody has touched the page");
        ulong frame = entry & FrameMask;
        return frame == 0
            ? new(hostVirtual, null, "the kernel tells it only to processes with CAP_SYS_ADMIN")
            : new(hostVirtual, (frame * s_pageSize) | (hostVirtual & (s_pageSize - 1)), "it may change at any time: the page is not pinned");
    }

    private static bool TryReadEntry(ulong hostVirtual, out ulong entry)
    {
        entry = 0;
        try
        {
            using FileStream pagemap = new("/proc/self/pagemap", FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
            pagemap.Seek((long)(hostVirtual / s_pageSize * EntrySize), SeekOrigin.Begin);
            Span<byte> bytes = stackalloc byte[EntrySize];
            if (pagemap.ReadAtLeast(bytes, EntrySize, throwOnEndOfStream: false) < EntrySize) return false;
            entry = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
