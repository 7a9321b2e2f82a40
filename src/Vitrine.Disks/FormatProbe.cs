using System.Buffers.Binary;

namespace Vitrine.Disks;

/// <summary>Tells formats of images by their first bytes.</summary>
internal static class FormatProbe
{
    /// <summary>Bytes of an image that have to be looked at.</summary>
    public const int Length = 1024;

    private const int VdiMagicOffset = 64;
    private const uint VdiMagic = 0xBEDA107F;

    // What a file begins with, and what it then is.
    private static readonly (byte[] Magic, string Name)[] s_others =
    [
        ("KDMV"u8.ToArray(), "VMDK"),
        ("COWD"u8.ToArray(), "VMDK"),
        ("# Disk DescriptorFile"u8.ToArray(), "VMDK"),
        ("vhdxfile"u8.ToArray(), "VHDX"),
        ("conectix"u8.ToArray(), "VHD"),
        ([.. "LUKS"u8, 0xBA, 0xBE], "LUKS"),
        ("QED\0"u8.ToArray(), "QED"),
        ("WithoutFreeSpace"u8.ToArray(), "Parallels"),
        ("WithouFreSpacExt"u8.ToArray(), "Parallels"),
    ];

    /// <summary>What a qcow image of any version begins with.</summary>
    public static ReadOnlySpan<byte> QcowMagic => [(byte)'Q', (byte)'F', (byte)'I', 0xFB];

    /// <summary>Tells a format.</summary>
    /// <param name="start">The first bytes, as many as there are.</param>
    /// <param name="other">The name of a format that can't be used here; null for those that can.</param>
    public static DiskFormat Tell(ReadOnlySpan<byte> start, out string? other)
    {
        other = null;
        if (start.StartsWith(QcowMagic)) return DiskFormat.Qcow2;
        foreach ((byte[] magic, string name) in s_others)
        {
            if (start.StartsWith(magic)) other = name;
        }

        if (start.Length >= VdiMagicOffset + sizeof(uint) && BinaryPrimitives.ReadUInt32LittleEndian(start[VdiMagicOffset..]) == VdiMagic) other = "VDI";
        return DiskFormat.Raw;
    }
}
