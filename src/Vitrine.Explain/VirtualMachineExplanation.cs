using Vitrine.Explain.Fetch;
using Vitrine.Explain.Model;
using Vitrine.X86;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Explain;

/// <summary>Explains addresses of a machine that stands: before its start, paused, or ended.</summary>
public static class VirtualMachineExplanation
{
    /// <summary>
    /// Tells how a data access to a linear address finds its way to host memory: the guest's page walk, the memory slot, host-virtual and host-physical
    /// address, and what the MMU holds for it. Accessed and dirty bits, the MMU and its counters stay as they are.
    /// </summary>
    /// <param name="machine">The machine; not running.</param>
    /// <param name="address">
    /// The linear address. One that isn't canonical or not mapped is no error: the story ends at the level that stops it.
    /// </param>
    /// <param name="access">What is done there; with <see cref="PageAccess.User"/> in user mode.</param>
    /// <param name="vcpu">Number of the vCPU through whose eyes to look, from 0.</param>
    /// <exception cref="InvalidOperationException">The machine is running.</exception>
    public static TranslationStory Explain(this VirtualMachine machine, Gva address, PageAccess access = PageAccess.Read, int vcpu = 0)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ProcessorState state = machine.ReadState(vcpu);
        ProcessorLimits processor = ProcessorLimits.From([.. machine.GetCpuid(vcpu)]);
        ulong linear = (state.Efer & Efer.LMA) != 0 ? address.Value : (uint)address.Value;
        TranslationStory story = TranslationExplanation.Of(state, new MachineMemory(machine.Memory), processor, linear, access);
        return AcceleratorTranslation.Add(machine, story, (access & PageAccess.Fetch) != 0, vcpu);
    }
}
