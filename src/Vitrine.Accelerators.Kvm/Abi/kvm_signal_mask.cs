using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Kvm.Abi;

/// <summary>Header; len bytes of signal set follow.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_signal_mask
{
    public uint len;
}
