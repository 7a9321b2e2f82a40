using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>
/// What the signal handler notes of a signal that emitted code raised. Its reader clears it: until then another one in the same code is
/// nobody's to answer, because it would come again for ever.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SignalRecord
{
    /// <summary>Host address that the processor reported: of the instruction for faults, behind it for traps.</summary>
    public ulong HostRip;

    /// <summary>si_addr: what was accessed, for SIGSEGV and SIGBUS where the processor knows it.</summary>
    public ulong Address;

    /// <summary>The signal; <see cref="HostSignal.None"/> when none was raised.</summary>
    public HostSignal Number;

    /// <summary>si_code: the signal's cause (sigaction(2)).</summary>
    public int Code;

    /// <summary>
    /// Where the fields lie, in bytes from the start, for emitted code. Each has its field's name, by which a test finds it.
    /// </summary>
    public static class Offsets
    {
        /// <summary>Offset of <see cref="SignalRecord.HostRip"/>.</summary>
        public const int HostRip = 0;

        /// <summary>Offset of <see cref="SignalRecord.Address"/>.</summary>
        public const int Address = 8;

        /// <summary>Offset of <see cref="SignalRecord.Number"/>.</summary>
        public const int Number = 16;

        /// <summary>Offset of <see cref="SignalRecord.Code"/>.</summary>
        public const int Code = 20;
    }
}
