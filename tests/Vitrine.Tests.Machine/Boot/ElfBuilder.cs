namespace Vitrine.Tests.Boot;

/// <summary>Makes small ELF executables by the layout of the System V ABI: header, program headers, then the segments' bytes.</summary>
internal sealed class ElfBuilder(bool is64, ulong entry)
{
    private const uint Load = 1;
    private const uint Note = 4;
    private readonly List<(uint Type, ulong Virtual, ulong Physical, byte[] Bytes, ulong MemorySize)> _segments = [];

    public ushort Machine { get; init; } = is64 ? (ushort)62 : (ushort)3;

    public ushort Type { get; init; } = 2;

    public ElfBuilder Segment(ulong physical, byte[] bytes, ulong memorySize = 0, ulong? virtualAddress = null)
    {
        _segments.Add((Load, virtualAddress ?? physical, physical, bytes, Math.Max(memorySize, (ulong)bytes.Length)));
        return this;
    }

    /// <summary>A note: name and descriptor are padded to four bytes.</summary>
    public ElfBuilder Notes(params (string Name, uint Type, byte[] Descriptor)[] notes)
    {
        List<byte> bytes = [];
        foreach ((string name, uint type, byte[] descriptor) in notes)
        {
            bytes.AddRange(BitConverter.GetBytes(name.Length + 1));
            bytes.AddRange(BitConverter.GetBytes(descriptor.Length));
            bytes.AddRange(BitConverter.GetBytes(type));
            bytes.AddRange(System.Text.Encoding.ASCII.GetBytes(name));
            bytes.Add(0);
            while (bytes.Count % 4 != 0) bytes.Add(0);
            bytes.AddRange(descriptor);
            while (bytes.Count % 4 != 0) bytes.Add(0);
        }

        _segments.Add((Note, 0, 0, [.. bytes], 0));
        return this;
    }

    public byte[] Build()
    {
        int headerSize = is64 ? 64 : 52;
        int entrySize = is64 ? 56 : 32;
        int dataStart = headerSize + _segments.Count * entrySize;
        byte[] image = new byte[dataStart + _segments.Sum(s => s.Bytes.Length)];
        "\u007fELF"u8.CopyTo(image);
        image[4] = is64 ? (byte)2 : (byte)1;
        image[5] = 1;
        image[6] = 1;
        Put(image, 16, Type, 2);
        Put(image, 18, Machine, 2);
        Put(image, 20, 1, 4);
        int word = is64 ? 8 : 4;
        Put(image, 24, entry, word);
        Put(image, 24 + word, (ulong)headerSize, word);
        Put(image, is64 ? 54 : 42, (ulong)entrySize, 2);
        Put(image, is64 ? 56 : 44, (ulong)_segments.Count, 2);
        int data = dataStart;
        for (int i = 0; i < _segments.Count; i++)
        {
            (uint type, ulong virtualAddress, ulong physical, byte[] bytes, ulong memorySize) = _segments[i];
            int at = headerSize + i * entrySize;
            ulong[] fields = [(ulong)data, virtualAddress, physical, (ulong)bytes.Length, memorySize];
            Put(image, at, type, 4);
            for (int field = 0; field < fields.Length; field++) Put(image, at + (is64 ? 8 : 4) + field * word, fields[field], word);
            bytes.CopyTo(image, data);
            data += bytes.Length;
        }

        return image;
    }

    private static void Put(byte[] image, int offset, ulong value, int size)
    {
        for (int i = 0; i < size; i++) image[offset + i] = (byte)(value >> (8 * i));
    }
}
