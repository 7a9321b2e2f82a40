namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>
/// A linear address before which the vCPU stops, at the speed of an ordinary run. Blocks end before its offset in whatever page they lie, so that a block begins there: that one looks
/// whether it is at the address itself. Code that was made for another stop, or for none, is dropped when it is set: code without a stop has nothing of it.
/// </summary>
internal static unsafe class StopPoint
{
    // SAFETY: takes the running vCPU's state.

    /// <summary>No offset in a page.</summary>
    public const int None = -1;

    /// <summary>Whether the vCPU is to stop before the instruction at a linear address.</summary>
    public static bool IsAt(CpuState* cpu, ulong linear)
    {
        // An instruction whose accesses to devices are answered has begun already.
        ref ReplayLog log = ref cpu->Replay;
        return cpu->HasStop && cpu->StopAddress == linear && !(log.Count > 0 && log.Instruction == cpu->Instructions + 1);
    }
}
