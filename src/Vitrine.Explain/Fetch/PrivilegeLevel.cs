using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Explain.Fetch;

/// <summary>The current privilege level (SDM vol. 3, 24.4.1: the DPL of SS, in virtual-8086 mode too).</summary>
internal static class PrivilegeLevel
{
    /// <summary>True when accesses are user-mode accesses: CPL 3. Real mode has CPL 0.</summary>
    public static bool IsUser(ProcessorState state) => (state.Cr0 & Cr0.PE) != 0 && state.Segments[Seg.Ss].Dpl == 3;
}
