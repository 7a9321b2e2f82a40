using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Kvm.Native;

/// <summary>struct sigaction of glibc and musl on x86-64: handler, mask of 1,024 bits, flags, restorer.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SignalActionRecord
{
    public nint Handler;
    public fixed ulong Mask[16];
    public int Flags;
    public nint Restorer;
}
