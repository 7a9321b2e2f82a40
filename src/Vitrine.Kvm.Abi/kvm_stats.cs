using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>Header of the statistics file.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_stats_header
{
    public uint flags;
    public uint name_size;
    public uint num_desc;
    public uint id_offset;
    public uint desc_offset;
    public uint data_offset;
}

/// <summary>One statistic; its name follows.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_stats_desc
{
    public uint flags;
    public short exponent;
    public ushort size;
    public uint offset;
    public uint bucket_size;
}
