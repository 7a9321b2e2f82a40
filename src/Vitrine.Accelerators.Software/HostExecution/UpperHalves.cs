using System.Runtime.Intrinsics;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.HostExecution;

/// <summary>VZEROUPPER and VZEROALL (SDM vol. 2): of YMM0 to YMM15 in 64-bit mode, elsewhere of YMM0 to YMM7.</summary>
internal static unsafe class UpperHalves
{
    // SAFETY: registers lie at their offsets in the state.

    /// <summary>VZEROUPPER.</summary>
    public static Op* Zero(CpuState* cpu, Op* op)
    {
        for (int i = 0; i < Count(cpu); i++) *(Vector128<byte>*)((byte*)cpu + CpuState.XmmOffset(i) + 16) = default;
        return op + 1;
    }

    /// <summary>VZEROALL.</summary>
    public static Op* ZeroAll(CpuState* cpu, Op* op)
    {
        for (int i = 0; i < Count(cpu); i++) *(Vector256<byte>*)((byte*)cpu + CpuState.XmmOffset(i)) = default;
        return op + 1;
    }

    private static int Count(CpuState* cpu) => (cpu->Mode & ExecutionMode.Code64) != 0 ? 16 : 8;
}
