using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>Argument of KVM_GET_DIRTY_LOG.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_dirty_log
{
    public uint slot;
    public uint padding1;
    public ulong dirty_bitmap;
}

/// <summary>Argument of KVM_CLEAR_DIRTY_LOG.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_clear_dirty_log
{
    public uint slot;
    public uint num_pages;
    public ulong first_page;
    public ulong dirty_bitmap;
}

/// <summary>One entry of the dirty ring.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_dirty_gfn
{
    public uint flags;
    public uint slot;
    public ulong offset;
}
