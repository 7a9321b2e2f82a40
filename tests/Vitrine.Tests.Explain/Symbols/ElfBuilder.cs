using System.Buffers.Binary;
using System.Text;

namespace Vitrine.Tests.Explain.Symbols;

/// <summary>An ELF file with nothing but a symbol table (System V gABI, chapter 4).</summary>
internal static class ElfBuilder
{
    /// <summary>Sections: none, .symtab, .strtab.</summary>
    public static byte[] Build(bool is64, params (string Name, ulong Address, ulong Size, byte Info, ushort Section)[] symbols)
    {
        int headerSize = is64 ? 64 : 52;
        int sectionSize = is64 ? 64 : 40;
        int symbolSize = is64 ? 24 : 16;
        List<byte> names = [0];
        byte[] table = new byte[(symbols.Length + 1) * symbolSize];
        for (int i = 0; i < symbols.Length; i++)
        {
            Span<byte> entry = table.AsSpan((i + 1) * symbolSize, symbolSize);
            U32(entry, 0, (uint)names.Count);
            entry[is64 ? 4 : 12] = symbols[i].Info;
            U16(entry, is64 ? 6 : 14, symbols[i].Section);
            Word(entry, is64 ? 8 : 4, symbols[i].Address, is64);
            Word(entry, is64 ? 16 : 8, symbols[i].Size, is64);
            names.AddRange(Encoding.ASCII.GetBytes(symbols[i].Name));
            names.Add(0);
        }

        int namesAt = headerSize + table.Length;
        int sectionsAt = namesAt + names.Count;
        byte[] file = new byte[sectionsAt + (3 * sectionSize)];
        "\u007fELF"u8.CopyTo(file);
        (file[4], file[5], file[6]) = (is64 ? (byte)2 : (byte)1, 1, 1);
        Word(file, is64 ? 40 : 32, (ulong)sectionsAt, is64);
        U16(file, is64 ? 58 : 46, (ushort)sectionSize);
        U16(file, is64 ? 60 : 48, 3);
        table.CopyTo(file, headerSize);
        names.CopyTo(file, namesAt);
        Section(file.AsSpan(sectionsAt + sectionSize), 2, (ulong)headerSize, (ulong)table.Length, 2, is64);
        Section(file.AsSpan(sectionsAt + (2 * sectionSize)), 3, (ulong)namesAt, (ulong)names.Count, 0, is64);
        return file;
    }

    private static void Section(Span<byte> header, uint type, ulong offset, ulong size, uint link, bool is64)
    {
        U32(header, 4, type);
        Word(header, is64 ? 24 : 16, offset, is64);
        Word(header, is64 ? 32 : 20, size, is64);
        U32(header, is64 ? 40 : 24, link);
    }

    private static void Word(Span<byte> bytes, int at, ulong value, bool is64)
    {
        if (is64) BinaryPrimitives.WriteUInt64LittleEndian(bytes[at..], value);
        else U32(bytes, at, (uint)value);
    }

    private static void U32(Span<byte> bytes, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(bytes[at..], value);

    private static void U16(Span<byte> bytes, int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(bytes[at..], value);
}
