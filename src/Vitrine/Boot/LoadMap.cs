using System.Buffers.Binary;
using Vitrine.Boards;
using Vitrine.Errors;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.Paging;

namespace Vitrine.Boot;

/// <summary>
/// What a loader puts where in guest RAM. Every range is claimed before it is written, so that nothing lands outside RAM
/// and no two things overlap, whatever the headers of an image say.
/// </summary>
internal sealed class LoadMap
{
    private const ulong PageSize = Page.Size;
    private const int Chunk = 1 << 20;

    private readonly GuestMemory _memory;
    private readonly MemoryLayout _layout;
    private readonly List<(string What, ulong Start, ulong End)> _claims = [];

    /// <summary>An empty map.</summary>
    internal LoadMap(GuestMemory memory, MemoryLayout layout)
    {
        _memory = memory;
        _layout = layout;
    }

    /// <summary>The end of the highest range claimed below 4 GiB.</summary>
    internal ulong LowEnd { get; private set; }

    /// <summary>Keeps the kernel out of the addresses from the EBDA to 1 MiB, which it must not take for RAM.</summary>
    internal void ClaimLegacyHole() => Claim("the BIOS area", MemoryLayout.LegacyHoleStart, MemoryLayout.LegacyHoleEnd - MemoryLayout.LegacyHoleStart);

    /// <summary>Takes a range.</summary>
    /// <param name="what">What goes there, as the subject of a sentence: "the kernel".</param>
    /// <param name="start">First guest-physical address.</param>
    /// <param name="length">Bytes.</param>
    /// <exception cref="VitrineException">The range lies outside RAM or overlaps another.</exception>
    internal void Claim(string what, ulong start, ulong length)
    {
        if (!_layout.IsRam(start, length))
        {
            throw VitrineException.User(
                ErrorCode.BootNoRoom,
                $"Memory has no room for {what}: it needs {length} bytes at 0x{start:x}, and the guest has {_layout.MemoryBytes >> 20} MiB of RAM.",
                "The guest's memory is too small, or the image asks for an address where this machine has no RAM.",
                "Give the guest more memory, or link the image for an address inside it.")
                .With("what", what).With("bytes", length).With("otherwise", "link the image for an address inside it");
        }

        foreach ((string other, ulong otherStart, ulong otherEnd) in _claims)
        {
            if (start < otherEnd && otherStart < start + length)
            {
                throw VitrineException.User(
                    ErrorCode.BootOverlap,
                    $"In guest memory {what} at 0x{start:x} (0x{length:x} bytes) overlaps {other} at 0x{otherStart:x} (0x{otherEnd - otherStart:x} bytes).",
                    "The image asks for addresses that are already taken.",
                    "Load or link it at another address.").With("what", what).With("other", other);
            }
        }

        if (length == 0) return;
        _claims.Add((what, start, start + length));
        if (start < MemoryLayout.HighStart && what is not "the BIOS area") LowEnd = Math.Max(LowEnd, start + length);
    }

    /// <summary>Takes page-aligned room as high as possible in RAM below 4 GiB, above everything claimed so far.</summary>
    /// <param name="what">What goes there, as the subject of a sentence.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="ceiling">The last byte must lie below this address.</param>
    /// <returns>Its address.</returns>
    /// <exception cref="VitrineException">There is no room.</exception>
    internal ulong ClaimTop(string what, ulong length, ulong ceiling)
    {
        ceiling = Math.Min(ceiling, _layout.LowBytes);
        ulong floor = Math.Max(LowEnd, MemoryLayout.LegacyHoleEnd);
        ulong start = ceiling >= length ? (ceiling - length) & ~(PageSize - 1) : 0;
        if (start < floor) throw NoRoom(what, length, floor, ceiling);
        Claim(what, start, length);
        return start;
    }

    /// <summary>Takes page-aligned room right after everything claimed so far below 4 GiB.</summary>
    /// <inheritdoc cref="ClaimTop" path="/param"/>
    internal ulong ClaimNext(string what, ulong length)
    {
        ulong start = (Math.Max(LowEnd, MemoryLayout.LegacyHoleEnd) + PageSize - 1) & ~(PageSize - 1);
        if (!_layout.IsRam(start, length)) throw NoRoom(what, length, start, _layout.LowBytes);
        Claim(what, start, length);
        return start;
    }

    /// <summary>Copies part of an image into a claimed range.</summary>
    internal void Copy(ImageFile image, ulong offset, ulong address, ulong length)
    {
        _memory.ExpectFill(new Gpa(address), length);
        while (length != 0)
        {
            int chunk = (int)Math.Min(length, Chunk);
            using (MemoryRental bytes = Rent(address, chunk)) image.Read(offset, bytes.Writable);
            offset += (ulong)chunk;
            address += (ulong)chunk;
            length -= (ulong)chunk;
        }
    }

    /// <summary>Makes a claimed range zero. Pages that are zero already stay untouched, so that the host need not back them.</summary>
    internal void Clear(ulong address, ulong length)
    {
        while (length != 0)
        {
            int chunk = (int)Math.Min(length, PageSize - (address & (PageSize - 1)));
            using (MemoryRental bytes = Rent(address, chunk))
            {
                if (bytes.Bytes.ContainsAnyExcept((byte)0)) bytes.Writable.Clear();
            }

            address += (ulong)chunk;
            length -= (ulong)chunk;
        }
    }

    /// <summary>Writes bytes into a claimed range.</summary>
    internal void Write(ulong address, ReadOnlySpan<byte> bytes)
    {
        using MemoryRental room = Rent(address, bytes.Length);
        bytes.CopyTo(room.Writable);
    }

    /// <summary>Writes a 32-bit value, little-endian.</summary>
    internal void Write32(ulong address, uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        Write(address, bytes);
    }

    /// <summary>Writes a 64-bit value, little-endian.</summary>
    internal void Write64(ulong address, ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Write(address, bytes);
    }

    private MemoryRental Rent(ulong address, int length) => _memory.TryRent(new Gpa(address), length, MemoryIntent.ReadWrite, out MemoryRental rental)
        ? rental
        : throw VitrineException.User(
            ErrorCode.BootNoSlot,
            $"Guest memory at 0x{address:x} (0x{length:x} bytes) has no memory slot behind it.",
            "The machine was built with fewer slots than its layout says.",
            "Create the slots of the layout before loading a guest.").With("address", address);

    private VitrineException NoRoom(string what, ulong length, ulong floor, ulong ceiling) => VitrineException.User(
        ErrorCode.BootNoRoom,
        $"Memory has no room for {what}: it has {length} bytes, and {(ceiling > floor ? ceiling - floor : 0)} bytes are free between 0x{floor:x} and 0x{ceiling:x}.",
        $"The guest's memory of {_layout.MemoryBytes >> 20} MiB is too small for it.",
        "Give the guest more memory, or a smaller file.")
        .With("what", what).With("bytes", length).With("otherwise", "give a smaller file");
}
