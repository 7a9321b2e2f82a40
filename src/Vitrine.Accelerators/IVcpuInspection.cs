using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Statistics;
using Vitrine.Accelerators.Translation;
using Vitrine.X86.VmEntry;

namespace Vitrine.Accelerators;

/// <summary>
/// How a vCPU can be looked into, stepped and counted: nothing of it is needed to run a guest. All members belong to the vCPU's own thread, except
/// those that say "any thread".
/// </summary>
public interface IVcpuInspection
{
    /// <summary>Translates a linear address as the guest's paging stands, without side effects.</summary>
    /// <returns>False when it is not mapped.</returns>
    bool TryTranslate(ulong gva, out ulong gpa);

    /// <summary>
    /// While on, <see cref="IVirtualCpu.Run"/> returns <see cref="VmExitReason.Debug"/> behind each instruction (and behind the delivery of an event), and the
    /// guest can't see it; <see cref="VmExit.Address"/> is the next one's linear address. An access to a device leaves as usual first; the
    /// instruction then finishes with the next run. KVM does less: see the remarks of its vCPU.
    /// </summary>
    bool SingleStep { get; set; }

    /// <summary>
    /// Makes <see cref="IVirtualCpu.Run"/> return <see cref="VmExitReason.Debug"/> before the instruction at a linear address, each time that it is about to be executed, at the speed of an
    /// ordinary run; <see cref="VmExit.Address"/> is the address. It also stops where the vCPU stands: who goes on from there makes a single step first. The guest can't see it.
    /// </summary>
    /// <param name="address">The linear address; null for none.</param>
    /// <returns>False where that can't be had, as on KVM: nothing has changed.</returns>
    bool TryStopAt(ulong? address);

    /// <summary>The MMU that translates for this vCPU, where it is the accelerator's own; null on KVM.</summary>
    IMmuInspection? Mmu { get; }

    /// <summary>The translator that makes host code of this vCPU's guest code, where there is one; null on KVM and with the interpreter.</summary>
    ITranslatorInspection? Translator => null;

    /// <summary>
    /// Why the state last put can't be entered, where the accelerator makes the processor's checks itself: <see cref="IVirtualCpu.Run"/> then returns
    /// <see cref="VmExitReason.FailEntry"/> until another state is put. Null where it enters, and on KVM, whose processor doesn't say.
    /// </summary>
    EntryCheckResult? EntryFailure => null;

    /// <summary>What made the last <see cref="IVirtualCpu.Run"/> return <see cref="VmExitReason.EnginesDiffer"/>; null when none did since a state was put.</summary>
    LockstepDifference? LockstepDifference => null;

    /// <summary>
    /// What made <see cref="IVirtualCpu.Run"/> return <see cref="VmExitReason.InternalError"/>, where it was a signal that code made by the accelerator raised in the
    /// host: it does so until a state is put. Null otherwise.
    /// </summary>
    HostFault? HostFault => null;

    /// <summary>
    /// Guest instructions executed since creation, where the accelerator counts them; else 0. A translator counts those in translated code only for
    /// statistics. Any thread; approximate while running.
    /// </summary>
    ulong InstructionsExecuted { get; }

    /// <summary>What it has done since its creation; null on KVM, which doesn't tell. Any thread; approximate while running.</summary>
    CpuStatistics? Statistics => null;
}
