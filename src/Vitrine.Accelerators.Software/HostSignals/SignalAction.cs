using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Software.HostSignals;

/// <summary>struct sigaction of glibc and musl on x86-64: handler, mask of 1,024 bits, flags, restorer.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SignalAction
{
    // SAFETY: as long as libc's structure.
    public const int SA_SIGINFO = 4;
    public const int SA_ONSTACK = 0x0800_0000;
    public const int SA_RESTART = 0x1000_0000;

    /// <summary>Address of the handler, or 0 for the default action, or 1 to ignore the signal.</summary>
    public nint Handler;

    /// <summary>Signals that are blocked while the handler runs.</summary>
    public fixed ulong Mask[16];

    /// <summary>SA_ flags.</summary>
    public int Flags;

    /// <summary>libc's own.</summary>
    public nint Restorer;
}
