using Vitrine.Errors;
using Vitrine.Memory;
using Vitrine.X86;

namespace Vitrine.State;

/// <summary>A copy of a machine's guest memory: all pages that are not zero.</summary>
public sealed class MemoryImage
{
    private const int PageSize = 4096;
    private const int ChunkPages = 256;

    private readonly List<(ulong Address, byte[] Bytes)> _pages = [];

    private MemoryImage()
    {
    }

    /// <summary>Memory of which every byte is zero.</summary>
    public static MemoryImage Empty { get; } = new();

    /// <summary>Bytes that it holds.</summary>
    public long Size => (long)_pages.Count * PageSize;

    /// <summary>Copies memory that does not change meanwhile.</summary>
    internal static MemoryImage Copy(GuestMemory memory)
    {
        MemoryImage image = new();
        byte[] buffer = new byte[ChunkPages * PageSize];
        foreach (MemorySlot slot in Owners(memory))
        {
            for (ulong offset = 0; offset < slot.Size; offset += ChunkPages * PageSize)
            {
                ulong address = slot.Start.Value + offset;
                int length = (int)Math.Min(ChunkPages * PageSize, slot.Size - offset);
                Span<byte> chunk = buffer.AsSpan(0, length);
                if (!memory.TryRead(new Gpa(address), chunk)) throw new InvalidOperationException($"0x{address:x} lies in no slot.");
                for (int at = 0; at < length; at += PageSize)
                {
                    Span<byte> page = chunk.Slice(at, PageSize);
                    if (page.ContainsAnyExcept((byte)0)) image._pages.Add((address + (ulong)at, page.ToArray()));
                }
            }
        }

        return image;
    }

    /// <summary>Writes it into memory that is zero and that no vCPU has seen.</summary>
    /// <exception cref="VitrineException">The memory has no such address.</exception>
    internal void CopyTo(GuestMemory memory)
    {
        foreach ((ulong address, byte[] bytes) in _pages)
        {
            if (!memory.TryWrite(new Gpa(address), bytes)) throw InvalidState.Of("memory", $"the machine has none at 0x{address:x}");
        }
    }

    // Of slots that show the same memory one; where they overlap in part, both.
    private static List<MemorySlot> Owners(GuestMemory memory)
    {
        List<MemorySlot> owners = [];
        foreach (MemorySlot slot in memory.Slots.OrderByDescending(static slot => slot.Size))
        {
            if (!owners.Exists(other => Shows(other, slot))) owners.Add(slot);
        }

        return owners;
    }

    private static bool Shows(MemorySlot slot, MemorySlot other) =>
        slot.Host == other.Host && other.HostOffset >= slot.HostOffset && other.HostOffset + other.Size <= slot.HostOffset + slot.Size;
}
