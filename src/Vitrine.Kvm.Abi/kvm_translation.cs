using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>Argument of KVM_TRANSLATE.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_translation
{
    public ulong linear_address;
    public ulong physical_address;
    public byte valid;
    public byte writeable;
    public byte usermode;
    public fixed byte pad[5];
}
