using Vitrine.X86.State;

namespace Vitrine.Accelerators.Parts;

/// <summary>
/// A vCPU as a server of KVM's calls needs it: state in parts, each as cheap as it is small, and what KVM lets user space do to a vCPU between two runs. All members
/// belong to the vCPU's own thread, and are called while it does not run.
/// </summary>
public interface IVcpuParts
{
    /// <summary>Reads parts of the state. Nothing changes: the answer of the last exit is not taken before the next run.</summary>
    /// <param name="state">Receives them; the rest of it stays.</param>
    /// <param name="parts">Which.</param>
    void Get(ProcessorState state, StateParts parts);

    /// <summary>
    /// Writes parts of the state, and forgets only what does not follow from it any more. The access of the last exit is still completed by the next run, if the
    /// linear address of RIP is then what it was at the exit; else it is dropped.
    /// </summary>
    /// <param name="state">Where to take them from.</param>
    /// <param name="parts">Which.</param>
    void Put(ProcessorState state, StateParts parts);

    /// <summary>Reads a model-specific register as KVM_GET_MSRS does: whether the guest could read it is not asked.</summary>
    /// <returns>False when there is none.</returns>
    bool TryReadMsr(uint index, out ulong value);

    /// <summary>Writes a model-specific register as KVM_SET_MSRS does: exactly, without what a guest's write brings about, read-only ones too where KVM allows it.</summary>
    /// <returns>False when there is none, or none that can hold the value.</returns>
    bool TryWriteMsr(uint index, ulong value);

    /// <summary>The machine-check banks that there are, and what they can (KVM_X86_SETUP_MCE).</summary>
    /// <param name="capabilities">IA32_MCG_CAP: the number of banks in bits 7:0, at most 32.</param>
    void SetMachineCheck(ulong capabilities);

    /// <summary>The guest is to learn from the paravirtual clock that it has been stopped for a while (KVM_KVMCLOCK_CTRL).</summary>
    /// <returns>False when the guest doesn't use the clock.</returns>
    bool TryNotePause();

    /// <summary>What a signal handler may write to, to end a run.</summary>
    AttentionWords Attention { get; }

    /// <summary>
    /// An external interrupt whose vector user space has (KVM_INTERRUPT): delivered at the next run, as soon as RFLAGS.IF and interrupt shadows allow it, and the
    /// local APIC where there is one.
    /// </summary>
    /// <returns>False when another one waits still; where the client has the local APIC it takes that one's place.</returns>
    bool TryInjectInterrupt(byte vector);

    /// <summary>RFLAGS.IF.</summary>
    bool InterruptsEnabled { get; }

    /// <summary>CR8, the task priority. Set where the client has the local APIC.</summary>
    ulong Cr8 { get; set; }

    /// <summary>IA32_APIC_BASE.</summary>
    ulong ApicBase { get; }

    /// <summary>Nobody answers the access of the last exit: its instruction begins anew at the next run.</summary>
    void AbandonAccess();

    /// <summary>The exit that the last run returned, for what the client answers beside its data.</summary>
    ref VmExit LastExit { get; }

    /// <summary>An external interrupt would be delivered at once, and none waits.</summary>
    bool ReadyForInterrupt { get; }

    /// <summary>
    /// <see cref="IVirtualCpu.Run"/> returns <see cref="VmExitReason.InterruptWindow"/> as soon as an external interrupt could be delivered and none is there.
    /// </summary>
    bool RequestInterruptWindow { get; set; }

    /// <summary>What a debugger of the guest wants (KVM_SET_GUEST_DEBUG); null without one.</summary>
    VcpuDebugging? Debugging { get; set; }

    /// <summary>
    /// What it is in the middle of; to be read before <see cref="IVirtualCpu.GetState"/>, which ends the access of the last exit, and put behind
    /// <see cref="IVirtualCpu.PutState"/>, which drops it.
    /// </summary>
    UnfinishedWork Unfinished { get; set; }
}
