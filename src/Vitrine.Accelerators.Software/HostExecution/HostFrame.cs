using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.HostExecution;

/// <summary>
/// What a stub works on besides the vCPU's registers, which it only reads: the memory operand, and its results until they are taken
/// over. Aligned to 64 bytes, so that no operand in it is misaligned.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct HostFrame
{
    // SAFETY: fixed buffers are indexed by register numbers, below 16.

    /// <summary>The memory operand, up to 32 bytes.</summary>
    public fixed byte Operand[64];

    /// <summary>Vector registers after the instruction, 32 bytes apart; only those that it writes.</summary>
    public fixed byte Vectors[16 * 32];

    /// <summary>General registers after the instruction, by the guest's numbers; only those that it writes.</summary>
    public fixed ulong General[16];

    /// <summary>RFLAGS before and after the instruction; the arithmetic flags, and bit 1.</summary>
    public ulong Flags;

    /// <summary>MXCSR to run with: all exceptions masked, no flags.</summary>
    public uint MxcsrBefore;

    /// <summary>MXCSR after the instruction.</summary>
    public uint MxcsrAfter;

    /// <summary>MXCSR of this process.</summary>
    public uint MxcsrOfHost;

    /// <summary>The signal that a stub has raised, until it is reported.</summary>
    public SignalRecord Signal;

    /// <summary>
    /// Where the fields lie, in bytes from the start, for emitted code. Each has its field's name, by which a test finds it.
    /// </summary>
    public static class Offsets
    {
        /// <summary>Offset of <see cref="HostFrame.Vectors"/>.</summary>
        public const int Vectors = 64;

        /// <summary>Offset of <see cref="HostFrame.General"/>.</summary>
        public const int General = Vectors + (16 * 32);

        /// <summary>Offset of <see cref="HostFrame.Flags"/>.</summary>
        public const int Flags = General + (16 * sizeof(ulong));

        /// <summary>Offset of <see cref="HostFrame.MxcsrBefore"/>.</summary>
        public const int MxcsrBefore = Flags + sizeof(ulong);

        /// <summary>Offset of <see cref="HostFrame.MxcsrAfter"/>.</summary>
        public const int MxcsrAfter = MxcsrBefore + sizeof(uint);

        /// <summary>Offset of <see cref="HostFrame.MxcsrOfHost"/>.</summary>
        public const int MxcsrOfHost = MxcsrAfter + sizeof(uint);
    }
}
