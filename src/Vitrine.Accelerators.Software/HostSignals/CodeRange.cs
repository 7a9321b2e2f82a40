using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.HostSignals;

/// <summary>A range of emitted code, and what the signal handler does when it raises a signal.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CodeRange
{
    // SAFETY: the pointers are the owner's, who removes the range before it frees what they point to.

    /// <summary>The first byte. Meaningless while <see cref="End"/> is null.</summary>
    public byte* Start;

    /// <summary>Behind the last byte; null where there is no range.</summary>
    public byte* End;

    /// <summary>Where the thread goes on, with its registers as they were.</summary>
    public byte* Landing;

    /// <summary>Where the signal is noted.</summary>
    public SignalRecord* Record;
}
