using System.Buffers.Binary;
using System.Text;
using Vitrine.Boot;

namespace Vitrine.Explain.Symbols;

/// <summary>The symbol table of an ELF file (System V gABI, chapter 4 "Object Files"): section .symtab, and its names.</summary>
internal static class ElfSymbols
{
    private const ulong MostBytes = 512UL << 20;
    private const int MostSections = 1 << 16;
    private const int LongestName = 1024;
    private const uint SymbolSection = 2; // SHT_SYMTAB
    private const ushort Undefined = 0;
    private const ushort Absolute = 0xFFF1;
    private const string Damaged = "Its headers are damaged, or it is of a kind that is not read here.";
    private const string Remedy = "Give a vmlinux or another ELF file that is not stripped, or a System.map.";

    /// <summary>The first bytes are those of an ELF file.</summary>
    public static bool Recognises(ReadOnlySpan<byte> start) => start.StartsWith("\u007fELF"u8);

    /// <summary>Reads its symbols.</summary>
    /// <exception cref="Errors.VitrineException">It is truncated, damaged, too large, or has no symbol table.</exception>
    public static List<Symbol> Read(ImageFile file)
    {
        const byte Class32 = 1;
        const byte Class64 = 2;
        const byte LittleEndian = 1;
        byte[] ident = file.Read(0, 16);
        if (ident[4] is not (Class32 or Class64) || ident[5] != LittleEndian) throw file.Invalid("is an ELF file of unknown class or of big-endian byte order", Damaged, Remedy);
        bool is64 = ident[4] == Class64;
        byte[] header = file.Read(0, is64 ? 64 : 52);
        ulong table = is64 ? U64(header, 40) : U32(header, 32);
        int size = U16(header, is64 ? 58 : 46);
        int least = is64 ? 64 : 40;
        if (table == 0) throw NoSymbols(file);
        if (size < least) throw file.Invalid($"has section headers of {size} bytes", Damaged, Remedy);

        // More sections than the header can say are counted in the first one's size.
        ulong count = U16(header, is64 ? 60 : 48);
        if (count == 0) count = Section(file.Read(table, least), is64).Size;
        if (count is 0 or > MostSections) throw file.Invalid($"has {count} sections; at most {MostSections} are read", Damaged, Remedy);
        if (!file.Contains(table, count * (ulong)size)) throw file.Truncated($"{count} section headers start at byte {table}");
        byte[] sections = file.Read(table, (int)count * size);
        for (int i = 0; i < (int)count; i++)
        {
            ElfSection section = Section(sections.AsSpan(i * size), is64);
            if (section.Type != SymbolSection) continue;
            if (section.Link >= count) throw file.Invalid($"has a symbol table whose names are in section {section.Link} of {count}", Damaged, Remedy);
            return Read(file, section, Section(sections.AsSpan((int)section.Link * size), is64), is64);
        }

        throw NoSymbols(file);
    }

    private static List<Symbol> Read(ImageFile file, ElfSection table, ElfSection strings, bool is64)
    {
        foreach ((ElfSection section, string what) in ((ElfSection, string)[])[(table, "symbol table"), (strings, "names")])
        {
            if (section.Size > MostBytes) throw file.Invalid($"has {what} of {section.Size} bytes; at most {MostBytes} are read", Damaged, Remedy);
            if (!file.Contains(section.Offset, section.Size)) throw file.Truncated($"its {what} of {section.Size} bytes start at byte {section.Offset}");
        }

        byte[] entries = file.Read(table.Offset, (int)table.Size);
        byte[] names = file.Read(strings.Offset, (int)strings.Size);
        int size = is64 ? 24 : 16;
        List<Symbol> symbols = new(entries.Length / size);
        for (int at = 0; at + size <= entries.Length; at += size)
        {
            ReadOnlySpan<byte> entry = entries.AsSpan(at, size);
            ushort section = U16(entry, is64 ? 6 : 14);
            if (section is Undefined or Absolute || Rank(entry[is64 ? 4 : 12]) is not { } rank || Name(names, U32(entry, 0)) is not { } name || !SystemMap.IsTold(name)) continue;
            symbols.Add(new Symbol(is64 ? U64(entry, 8) : U32(entry, 4), is64 ? U64(entry, 16) : U32(entry, 8), SystemMap.Rank(rank, name), name));
        }

        return symbols;
    }

    // st_info: functions before data before what has no type, and of each what others can name before what they can't. Sections and files are no symbols.
    private static int? Rank(byte info)
    {
        int local = info >> 4 == 0 ? 1 : 0;
        return (info & 0xF) switch
        {
            2 or 10 => local, // STT_FUNC, STT_GNU_IFUNC
            1 => 2 + local, // STT_OBJECT
            0 => 4 + local, // STT_NOTYPE
            _ => null,
        };
    }

    private static string? Name(byte[] names, uint offset)
    {
        if (offset == 0 || offset >= names.Length) return null;
        ReadOnlySpan<byte> rest = names.AsSpan((int)offset);
        int length = rest[..Math.Min(rest.Length, LongestName)].IndexOf((byte)0);
        return length <= 0 ? null : Encoding.Latin1.GetString(rest[..length]);
    }

    private static Errors.VitrineException NoSymbols(ImageFile file) => file.Invalid("has no symbol table", "It was stripped.", Remedy);

    private static ElfSection Section(ReadOnlySpan<byte> header, bool is64) => is64
        ? new ElfSection(U32(header, 4), U64(header, 24), U64(header, 32), U32(header, 40))
        : new ElfSection(U32(header, 4), U32(header, 16), U32(header, 20), U32(header, 24));

    private static ushort U16(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[offset..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..]);

    private readonly record struct ElfSection(uint Type, ulong Offset, ulong Size, uint Link);
}
