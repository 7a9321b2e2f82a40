using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>Multiprocessing state.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_mp_state
{
    public uint mp_state;
}
