using System.Buffers.Binary;
using Vitrine.Memory;
using Vitrine.X86;

namespace Vitrine.Bench.Paging;

/// <summary>Four-level page tables in guest memory, made by the host before the guest starts.</summary>
internal sealed class TableBuilder(GuestMemory memory)
{
    public const ulong Present = 1;
    public const ulong Writable = 2;
    public const ulong Large = 0x80;
    private const ulong AddressMask = 0x000F_FFFF_FFFF_F000;
    private ulong _next = Layout.FirstTable;

    /// <summary>A root that maps the first 2 MiB, where the code is, one to one.</summary>
    public ulong NewRoot()
    {
        ulong root = NewTable();
        Map(root, 0, 0, Present | Writable | Large, 21);
        return root;
    }

    /// <summary>Maps a page; makes the tables above it.</summary>
    /// <returns>Address of the entry.</returns>
    public ulong Map(ulong root, ulong linear, ulong gpa, ulong flags, int shift = 12)
    {
        ulong table = root;
        for (int level = 39; level > shift; level -= 9)
        {
            ulong entry = table + (((linear >> level) & 511) * 8);
            ulong value = Read(entry);
            if ((value & Present) == 0) Write(entry, value = NewTable() | Present | Writable);
            table = value & AddressMask;
        }

        ulong last = table + (((linear >> shift) & 511) * 8);
        Write(last, gpa | flags);
        return last;
    }

    private ulong NewTable()
    {
        ulong table = _next;
        _next += 0x1000;
        return table;
    }

    private ulong Read(ulong gpa)
    {
        Span<byte> bytes = stackalloc byte[8];
        memory.TryRead(new Gpa(gpa), bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    private void Write(ulong gpa, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        memory.TryWrite(new Gpa(gpa), bytes);
    }
}
