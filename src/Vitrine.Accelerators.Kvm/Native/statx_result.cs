using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Kvm.Native;

/// <summary>The beginning of struct statx (&lt;linux/stat.h&gt;), which has 256 bytes on every architecture.</summary>
[StructLayout(LayoutKind.Sequential, Size = 256)]
internal struct statx_result
{
    public uint stx_mask;
    public uint stx_blksize;
    public ulong stx_attributes;
    public uint stx_nlink;
    public uint stx_uid;
    public uint stx_gid;
    public ushort stx_mode;
}
