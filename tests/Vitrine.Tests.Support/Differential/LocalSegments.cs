using System.Buffers.Binary;

namespace Vitrine.Tests.Differential;

/// <summary>
/// Segments of the local descriptor table that the native program and the guest have in common: code of 16 and 32 bits that begins elsewhere than at 0,
/// and data with limits and rights to run into.
/// </summary>
internal static class LocalSegments
{
    /// <summary>Where the data segments begin: the data pages are at <see cref="DataOffset"/>.</summary>
    public const ulong DataBase = OracleLayout.Data - DataOffset;

    /// <summary>Offset of the data pages in each data segment.</summary>
    public const int DataOffset = 0x4000;

    private const byte Data = 0;
    private const byte ExpandDown = 1;
    private const byte Code = 2;

    private static readonly LocalSegment[] _all =
    [
        new(OracleLayout.Code, 0xFFFF, Code, IsReadOnly: false, IsBig: false),
        new(OracleLayout.Edge, 0xFFFF, Code, IsReadOnly: false, IsBig: false),
        new(OracleLayout.Pairs, 0xFFFF, Code, IsReadOnly: true, IsBig: false),
        new(OracleLayout.Code - 0x1_0000, 0x6_FFFF, Code, IsReadOnly: false, IsBig: true),
        new(DataBase, 0xFFFF, Data, IsReadOnly: false, IsBig: true),
        new(DataBase, 0xFFFF, Data, IsReadOnly: false, IsBig: false),
        new(DataBase, 0xFFFF, Data, IsReadOnly: true, IsBig: false),
        new(DataBase, DataOffset + 0x17FF, Data, IsReadOnly: false, IsBig: true),
        new(DataBase, DataOffset + 0x7FF, ExpandDown, IsReadOnly: false, IsBig: false),
        new(DataBase, DataOffset + 0x7FF, ExpandDown, IsReadOnly: false, IsBig: true),
        new(DataBase, 0xFFFF, Data, IsReadOnly: false, IsBig: true, IsPresent: false),
    ];

    private static readonly ushort[] _writable = [Selector(4), Selector(5), Selector(7), Selector(8), Selector(9)];
    private static readonly ushort[] _readable = [Selector(4), Selector(5), Selector(6), Selector(7), Selector(8), Selector(9), Selector(0), Selector(3)];

    /// <summary>The table.</summary>
    public static ReadOnlySpan<LocalSegment> All => _all;

    /// <summary>Selector of the 16-bit code that begins at <see cref="OracleLayout.Code"/>.</summary>
    public static ushort SmallCode => Selector(0);

    /// <summary>Selector of the 16-bit code that begins at <see cref="OracleLayout.Edge"/>.</summary>
    public static ushort SmallEdge => Selector(1);

    /// <summary>Selector of the 16-bit code that begins at <see cref="OracleLayout.Pairs"/>, and may only be executed.</summary>
    public static ushort SmallPairs => Selector(2);

    /// <summary>Selector of 32-bit code that begins before all code pages.</summary>
    public static ushort BasedCode => Selector(3);

    /// <summary>Selectors of data that can be written.</summary>
    public static ReadOnlySpan<ushort> Writable => _writable;

    /// <summary>Selectors of all data that is present, and of code that can be read.</summary>
    public static ReadOnlySpan<ushort> Readable => _readable;

    /// <summary>True for a selector of 16-bit code.</summary>
    public static bool IsSmallCode(ushort selector) => Find(selector) is { Kind: Code, IsBig: false };

    /// <summary>Where a segment begins; all but those of the table begin at 0.</summary>
    public static ulong BaseOf(ushort selector) => Find(selector)?.Base ?? 0;

    /// <summary>The segment of a selector; null for one that is not in the table.</summary>
    public static LocalSegment? Find(ushort selector) => (selector & 4) != 0 && selector >> 3 < _all.Length ? _all[selector >> 3] : null;

    /// <summary>What Linux calls it: <c>struct user_desc</c>.</summary>
    public static byte[] UserDescriptor(int entry)
    {
        LocalSegment segment = _all[entry];
        byte[] bytes = new byte[16];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, entry);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), (uint)segment.Base);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), segment.Limit);
        int flags = (segment.IsBig ? 1 : 0) | (segment.Kind << 1) | (segment.IsReadOnly ? 8 : 0) | (segment.IsPresent ? 0 : 0x20);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), flags);
        return bytes;
    }

    private static ushort Selector(int entry) => (ushort)((entry << 3) | 7);
}
