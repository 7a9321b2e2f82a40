using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Statistics;
using Vitrine.Accelerators.Translation;
using Vitrine.X86.Cpuid;
using Vitrine.X86.State;
using Vitrine.X86.VmEntry;

namespace Vitrine.Accelerators;

/// <summary>One virtual CPU. All members belong to the vCPU's own thread, except those that say "any thread".</summary>
public interface IVirtualCpu : IDisposable
{
    /// <summary>Number and local-APIC id.</summary>
    int Id { get; }

    /// <summary>Frequency of the guest's time-stamp counter in kHz.</summary>
    uint TscKilohertz { get; }

    /// <summary>
    /// Frequency of the local APIC's timer clock in kHz before its divider, where the accelerator knows it; else 0.
    /// Goes into CPUID leaf 0x15 as the crystal clock.
    /// </summary>
    uint ApicTimerKilohertz { get; }

    /// <summary>
    /// The CPUID leaves that this accelerator can offer on this host. A CPU model is cut down to them: where
    /// <see cref="IAccelerator.UsesHostCpuid"/>, wholly; else in what needs the host's processor.
    /// </summary>
    IReadOnlyList<CpuidEntry> SupportedCpuid { get; }

    /// <summary>What CPUID answers. Before any state is put, and not after the first run (KVM refuses a change then).</summary>
    void SetCpuid(ReadOnlySpan<CpuidEntry> entries);

    /// <summary>Reads the whole state.</summary>
    void GetState(ProcessorState state);

    /// <summary>Writes state: special registers before general ones, MSRs after the FPU, debug registers last.</summary>
    /// <param name="state">The new state.</param>
    /// <param name="level">How much of it may be written.</param>
    void PutState(ProcessorState state, PutLevel level);

    /// <summary>
    /// Enters the guest until something needs the run loop. Completes the I/O of the previous exit first.
    /// A guest that halts with interrupts possible waits inside.
    /// </summary>
    /// <returns>The exit; its storage is the vCPU's and valid until the next run.</returns>
    ref VmExit Run();

    /// <summary>Makes a running or the next <see cref="Run"/> return <see cref="VmExitReason.Interrupted"/> soon. Any thread.</summary>
    void Kick();

    /// <summary>The level of the external interrupt line (8259 output, ExtINT) has changed. Bootstrap processor only. Any thread.</summary>
    void NotifyExternalInterrupt(bool level);

    /// <summary>Raises a non-maskable interrupt. Any thread.</summary>
    void RaiseNmi();

    /// <summary>Translates a linear address as the guest's paging stands, without side effects.</summary>
    /// <returns>False when it is not mapped.</returns>
    bool TryTranslate(ulong gva, out ulong gpa);

    /// <summary>
    /// While on, <see cref="Run"/> returns <see cref="VmExitReason.Debug"/> behind each instruction (and behind the delivery of an event), and the
    /// guest can't see it; <see cref="VmExit.Address"/> is the next one's linear address. An access to a device leaves as usual first; the
    /// instruction then finishes with the next run. KVM does less: see the remarks of its vCPU.
    /// </summary>
    bool SingleStep { get; set; }

    /// <summary>The MMU that translates for this vCPU, where it is the accelerator's own; null on KVM.</summary>
    IMmuInspection? Mmu { get; }

    /// <summary>The translator that makes host code of this vCPU's guest code, where there is one; null on KVM and with the interpreter.</summary>
    ITranslatorInspection? Translator => null;

    /// <summary>
    /// Why the state last put can't be entered, where the accelerator makes the processor's checks itself: <see cref="Run"/> then returns
    /// <see cref="VmExitReason.FailEntry"/> until another state is put. Null where it enters, and on KVM, whose processor doesn't say.
    /// </summary>
    EntryCheckResult? EntryFailure => null;

    /// <summary>What made the last <see cref="Run"/> return <see cref="VmExitReason.EnginesDiffer"/>; null when none did since a state was put.</summary>
    LockstepDifference? LockstepDifference => null;

    /// <summary>
    /// What made <see cref="Run"/> return <see cref="VmExitReason.InternalError"/>, where it was a signal that code made by the accelerator raised in the
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
