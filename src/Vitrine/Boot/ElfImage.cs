using System.Buffers.Binary;

namespace Vitrine.Boot;

/// <summary>An x86 ELF executable of 32 or 64 bits: its program headers, checked.</summary>
internal sealed class ElfImage
{
    private const int IdentSize = 16;
    private const byte Class32 = 1;
    private const byte Class64 = 2;
    private const byte LittleEndian = 1;
    private const ushort TypeExecutable = 2;
    private const ushort TypeShared = 3;
    private const ushort Machine386 = 3;
    private const ushort MachineX86_64 = 62;

    // A kernel has about five. Each is compared with all others.
    private const int MaxSegments = 256;

    private const string DamagedWhy = "Its headers are damaged, or it is no executable for this machine.";
    private const string DamagedRemedy = "Get the file again, or build the kernel for x86-64.";

    private ElfImage(ImageFile file, bool is64, ulong entry, ElfSegment[] segments)
    {
        File = file;
        Is64 = is64;
        Entry = entry;
        Segments = segments;
    }

    /// <summary>The file.</summary>
    internal ImageFile File { get; }

    /// <summary>True for ELFCLASS64.</summary>
    internal bool Is64 { get; }

    /// <summary>e_entry, usually a virtual address.</summary>
    internal ulong Entry { get; }

    /// <summary>The program headers.</summary>
    internal ElfSegment[] Segments { get; }

    /// <summary>True when the first bytes of an image are those of an ELF file.</summary>
    internal static bool Recognises(ReadOnlySpan<byte> start) => start.StartsWith("\u007fELF"u8);

    /// <summary>Reads and checks the headers.</summary>
    internal static ElfImage Parse(ImageFile file)
    {
        byte[] ident = file.Read(0, IdentSize);
        bool is64 = ident[4] == Class64;
        if (ident[4] is not (Class32 or Class64) || ident[5] != LittleEndian)
        {
            throw file.Invalid("is an ELF file of unknown class or of big-endian byte order", DamagedWhy, DamagedRemedy);
        }

        byte[] header = file.Read(0, is64 ? 64 : 52);
        ushort type = U16(header, 16);
        ushort machine = U16(header, 18);
        if (machine is not (Machine386 or MachineX86_64))
        {
            throw file.Invalid($"is an ELF file for another processor (e_machine {machine})", "It was built for another architecture.", DamagedRemedy);
        }

        if (type is not (TypeExecutable or TypeShared))
        {
            throw file.Invalid($"is an ELF file, but no executable (e_type {type})", "It is an object file, a kernel module or a core dump.", DamagedRemedy);
        }

        ulong entry = is64 ? U64(header, 24) : U32(header, 24);
        ulong tableOffset = is64 ? U64(header, 32) : U32(header, 28);
        int entrySize = U16(header, is64 ? 54 : 42);
        int count = U16(header, is64 ? 56 : 44);
        if (count is 0 or > MaxSegments || entrySize < (is64 ? 56 : 32))
        {
            throw file.Invalid($"has {count} program headers of {entrySize} bytes; 1 to {MaxSegments} can be loaded", DamagedWhy, DamagedRemedy);
        }

        if (!file.Contains(tableOffset, (ulong)(count * entrySize)))
        {
            throw file.Truncated($"{count} program headers start at byte {tableOffset}");
        }

        byte[] table = file.Read(tableOffset, count * entrySize);
        ElfSegment[] segments = new ElfSegment[count];
        for (int i = 0; i < count; i++)
        {
            segments[i] = Segment(table.AsSpan(i * entrySize, entrySize), is64);
            Check(file, segments[i]);
        }

        return new ElfImage(file, is64, entry, segments);
    }

    /// <summary>Copies what is to be loaded to its physical addresses.</summary>
    internal void Load(LoadMap map)
    {
        foreach (ElfSegment segment in Segments)
        {
            if (segment.Type != ElfSegment.Load || segment.MemorySize == 0) continue;
            map.Claim("a segment of the kernel", segment.PhysicalAddress, segment.MemorySize);
            map.Copy(File, segment.Offset, segment.PhysicalAddress, segment.FileSize);
            map.Clear(segment.PhysicalAddress + segment.FileSize, segment.MemorySize - segment.FileSize);
        }
    }

    /// <summary>True when a loaded segment covers a physical address.</summary>
    internal bool Covers(ulong physicalAddress) => Segments.Any(segment =>
        segment.Type == ElfSegment.Load && physicalAddress - segment.PhysicalAddress < segment.MemorySize);

    private static ElfSegment Segment(ReadOnlySpan<byte> header, bool is64) => is64
        ? new ElfSegment(U32(header, 0), U64(header, 8), U64(header, 16), U64(header, 24), U64(header, 32), U64(header, 40), U64(header, 48))
        : new ElfSegment(U32(header, 0), U32(header, 4), U32(header, 8), U32(header, 12), U32(header, 16), U32(header, 20), U32(header, 28));

    private static void Check(ImageFile file, ElfSegment segment)
    {
        if (segment.Type is not (ElfSegment.Load or ElfSegment.Note)) return;
        if (!file.Contains(segment.Offset, segment.FileSize))
        {
            throw file.Truncated($"a segment of {segment.FileSize} bytes starts at byte {segment.Offset}");
        }

        if (segment.Type == ElfSegment.Load && segment.FileSize > segment.MemorySize)
        {
            throw file.Invalid($"has a segment with {segment.FileSize} bytes in the file and {segment.MemorySize} in memory", DamagedWhy, DamagedRemedy);
        }
    }

    private static ushort U16(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[offset..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..]);
}
