using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Kvm.Abi;

/// <summary>Multiprocessing state.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_mp_state
{
    public uint mp_state;
}
