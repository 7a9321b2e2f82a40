using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>One entry of the jump cache: where the block for a RIP is.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct JumpCacheEntry
{
    /// <summary>RIP of the block's first instruction.</summary>
    public ulong Rip;

    /// <summary>Valid only while equal to <see cref="CpuState.CodeTag"/>.</summary>
    public ulong Tag;

    /// <summary>The block's first operation. May have become stale; its handler then says so.</summary>
    public Op* First;

    private readonly ulong _reserved;
}
