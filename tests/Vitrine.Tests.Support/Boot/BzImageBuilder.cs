using System.Buffers.Binary;

namespace Vitrine.Tests.Boot;

/// <summary>Makes small bzImages with the setup header of the Linux boot protocol (Documentation/arch/x86/boot.rst).</summary>
internal sealed class BzImageBuilder
{
    public int SetupSects { get; init; } = 3;

    public ushort Version { get; init; } = 0x20F;

    public byte LoadFlags { get; init; } = 1;

    public ushort XLoadFlags { get; init; } = 1;

    public uint CmdlineSize { get; init; } = 2047;

    public ulong PrefAddress { get; init; } = 0x100_0000;

    public uint KernelAlignment { get; init; } = 0x20_0000;

    public bool Relocatable { get; init; } = true;

    public uint InitSize { get; init; } = 0x10_0000;

    public uint InitrdAddrMax { get; init; } = 0x7FFF_FFFF;

    public byte[] Code { get; init; } = Pattern(0x1000);

    public byte[] Build()
    {
        int setupBytes = ((SetupSects == 0 ? 4 : SetupSects) + 1) * 512;
        byte[] image = new byte[setupBytes + Code.Length];
        Span<byte> span = image;
        image[0x1F1] = (byte)SetupSects;
        BinaryPrimitives.WriteUInt32LittleEndian(span[0x1F4..], (uint)(Code.Length + 15) / 16);
        BinaryPrimitives.WriteUInt16LittleEndian(span[0x1FE..], 0xAA55);
        image[0x200] = 0xEB;
        image[0x201] = 0x6A; // header ends at 0x26C, as in Linux 6.x
        "HdrS"u8.CopyTo(span[0x202..]);
        BinaryPrimitives.WriteUInt16LittleEndian(span[0x206..], Version);
        image[0x211] = LoadFlags;
        BinaryPrimitives.WriteUInt32LittleEndian(span[0x22C..], InitrdAddrMax);
        BinaryPrimitives.WriteUInt32LittleEndian(span[0x230..], KernelAlignment);
        image[0x234] = Relocatable ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt16LittleEndian(span[0x236..], XLoadFlags);
        BinaryPrimitives.WriteUInt32LittleEndian(span[0x238..], CmdlineSize);
        BinaryPrimitives.WriteUInt64LittleEndian(span[0x258..], PrefAddress);
        BinaryPrimitives.WriteUInt32LittleEndian(span[0x260..], InitSize);
        Code.CopyTo(span[setupBytes..]);
        return image;
    }

    public static byte[] Pattern(int length)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) bytes[i] = (byte)(i * 7 + i / 251 + 1);
        return bytes;
    }
}
