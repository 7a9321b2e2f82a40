using Iced.Intel;

namespace Vitrine.Tests.Differential;

/// <summary>What a translated instruction may leave otherwise than the host.</summary>
internal static class Tolerance
{
    /// <summary>
    /// Where a translated instruction faults, flags are not what they were if this instruction and those behind it overwrite them before anybody
    /// reads them: they were never saved. Whoever goes on with the instruction can't tell.
    /// </summary>
    public static ulong FreeFlagsAtFault(List<Instruction> instructions, ulong rip) =>
        instructions.Count == 1 ? 0 : FlagFlow.OverwrittenUnseen(instructions, FlagFlow.IndexOf(instructions, rip));
}
