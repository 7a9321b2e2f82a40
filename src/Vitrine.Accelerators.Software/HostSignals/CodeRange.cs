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

    /// <summary>
    /// Where the fields lie, in bytes from the start, for emitted code. Each has its field's name, by which a test finds it.
    /// </summary>
    public static class Offsets
    {
        /// <summary>Offset of <see cref="CodeRange.Start"/>.</summary>
        public const int Start = 0;

        /// <summary>Offset of <see cref="CodeRange.End"/>.</summary>
        public const int End = 8;

        /// <summary>Offset of <see cref="CodeRange.Landing"/>.</summary>
        public const int Landing = 16;

        /// <summary>Offset of <see cref="CodeRange.Record"/>.</summary>
        public const int Record = 24;
    }
}
