using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.HostExecution;

/// <summary>Machine code that executes one instruction, and what it leaves in the <see cref="HostFrame"/>.</summary>
internal unsafe struct HostStub
{
    // SAFETY: Entry points into the StubTable's executable memory, as long as the entry is in the table.

    /// <summary>The instruction; default where the entry of the table is free.</summary>
    public StubKey Key;

    /// <summary>The code. It reads the vCPU's registers, and writes to the frame.</summary>
    public delegate* unmanaged[SuppressGCTransition]<HostFrame*, CpuState*, void> Entry;

    /// <summary>Guest's numbers of the general registers that it writes, one bit each.</summary>
    public ushort General;

    /// <summary>Numbers of the vector registers that it writes, one bit each.</summary>
    public ushort Vectors;

    /// <summary>Encoded with VEX: all 32 bytes of the vector registers are written. Else the upper halves stay.</summary>
    public bool IsVex;

    /// <summary>It writes arithmetic flags.</summary>
    public bool WritesFlags;

    /// <summary>It runs under the guest's MXCSR, and may raise flags in it.</summary>
    public bool UsesMxcsr;
}
