using System.Runtime.InteropServices;

namespace Vitrine.Disks.Host;

/// <summary>What is used of the kernel's <c>struct statx</c>, which is the same on all processors.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct FileStatus
{
    private const int TypeMask = 0xF000;
    private const int RegularType = 0x8000;
    private const int BlockType = 0x6000;

    [FieldOffset(0x1C)]
    public ushort Mode;

    public readonly bool IsRegular => (Mode & TypeMask) == RegularType;

    public readonly bool IsBlockDevice => (Mode & TypeMask) == BlockType;
}
