using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>The instruction pointer as translated code knows it: by its page, and offsets in it.</summary>
internal static unsafe class GuestRip
{
    // SAFETY: sites are the ones that translated code leaves by: an offset is the first that is written there.

    /// <summary>RIP that an exit of translated code names.</summary>
    public static ulong At(CpuState* cpu, byte* site) => Truncate(cpu, cpu->PageRip + *(ushort*)site);

    /// <summary>RIP as wide as the mode has it.</summary>
    public static ulong Truncate(CpuState* cpu, ulong rip) => (cpu->Mode & ExecutionMode.Code64) != 0 ? rip : (uint)rip;
}
