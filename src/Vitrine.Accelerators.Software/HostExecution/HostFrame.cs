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

    /// <summary>Distance of a field from the frame's start, in bytes.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="field">A field of it.</param>
    public static int Offset(HostFrame* frame, void* field) => (int)((byte*)field - (byte*)frame);
}
