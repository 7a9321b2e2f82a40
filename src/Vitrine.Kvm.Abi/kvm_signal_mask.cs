using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>Header; len bytes of signal set follow.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_signal_mask
{
    public uint len;
}
