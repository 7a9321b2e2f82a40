using Vitrine.Accelerators.Capture;
using Vitrine.Accelerators.Coherence;
using Vitrine.Accelerators.Parts;
using Vitrine.X86.Cpuid;
using Vitrine.X86.State;

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
    /// Reads what the vCPU holds beside its <see cref="ProcessorState"/>, which is to be read first. Only between two instructions: before its first
    /// run, after <see cref="VmExitReason.Interrupted"/> or a step. Both together are all that it holds.
    /// </summary>
    HiddenVcpuState GetHiddenState() => new();

    /// <summary>Writes what <see cref="GetHiddenState"/> has read, after the registers at <see cref="PutLevel.Full"/>.</summary>
    /// <exception cref="Errors.VitrineException">No vCPU can have such a state.</exception>
    void PutHiddenState(HiddenVcpuState state)
    {
    }

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

    /// <summary>What can be looked into and stepped, beside running it.</summary>
    IVcpuInspection Inspection { get; }

    /// <summary>
    /// Is told that others may have written to guest memory without a notice; null where nothing has to be told, as on KVM, or where the accelerator was not made
    /// for such memory.
    /// </summary>
    IVcpuCoherence? Coherence => null;

    /// <summary>Its state in parts, for a server of KVM's calls; null where the accelerator is KVM itself.</summary>
    IVcpuParts? Parts => null;
}
