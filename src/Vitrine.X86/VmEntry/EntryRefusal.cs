namespace Vitrine.X86.VmEntry;

/// <summary>How the processor refuses an entry.</summary>
public enum EntryRefusal
{
    /// <summary>VMX: VMfailValid with VM-instruction error 7, "VM entry with invalid control field(s)". The guest is never touched.</summary>
    VmxControls,

    /// <summary>VMX: VMfailValid with VM-instruction error 8, "VM entry with invalid host-state field(s)".</summary>
    VmxHost,

    /// <summary>VMX: a VM exit with reason 33 and bit 31, that is 0x80000021, "VM-entry failure due to invalid guest state".</summary>
    VmxGuest,

    /// <summary>SVM: VMRUN ends at once with exit code −1, VMEXIT_INVALID.</summary>
    Svm,
}
