namespace Vitrine.Tests.Boot;

/// <summary>Valid images of every kind, as starting points.</summary>
internal static class TestKernels
{
    /// <summary>XEN_ELFNOTE_PHYS32_ENTRY.</summary>
    internal const uint PvhNote = 18;

    public static byte[] Pvh(bool is64 = true, int descriptorSize = 8, ulong entry = 0x100_0010) =>
        new ElfBuilder(is64, 0x1000)
            .Segment(0x100_0000, BzImageBuilder.Pattern(0x800), memorySize: 0x2000, virtualAddress: 0x8100_0000)
            .Notes(
                ("GNU", 3, [1, 2, 3]),
                ("Xen", PvhNote, [.. BitConverter.GetBytes(entry).AsSpan(0, descriptorSize)]))
            .Build();

    public static byte[] MultibootHeader(uint flags, params uint[] addresses)
    {
        uint[] words = [0x1BADB002, flags, 0 - (0x1BADB002 + flags), .. addresses];
        return [.. words.SelectMany(BitConverter.GetBytes)];
    }

    public static byte[] MultibootElf(bool is64 = false, uint flags = 3, ulong entry = 0xC010_0020) =>
        new ElfBuilder(is64, entry)
            .Segment(0x10_0000, [.. MultibootHeader(flags), .. BzImageBuilder.Pattern(0x100)], memorySize: 0x3000, virtualAddress: 0xC010_0000)
            .Build();

    /// <summary>64 bytes that are not loaded, then the header, then code.</summary>
    public static byte[] MultibootKludge(uint load = 0x20_0000, uint loadEnd = 0, uint bssEnd = 0x20_2000, uint? headerAddress = null, uint? entry = null) =>
    [
        .. BzImageBuilder.Pattern(64),
        .. MultibootHeader(0x1_0003, headerAddress ?? load, load, loadEnd, bssEnd, entry ?? load + 32),
        .. BzImageBuilder.Pattern(0x100),
    ];
}
