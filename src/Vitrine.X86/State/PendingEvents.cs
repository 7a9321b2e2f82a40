namespace Vitrine.X86.State;

/// <summary>Events in flight between two instructions, as struct kvm_vcpu_events has them.</summary>
public struct PendingEvents
{
    /// <summary>An exception is being delivered.</summary>
    public bool ExceptionInjected;

    /// <summary>An exception waits to be delivered.</summary>
    public bool ExceptionPending;

    /// <summary>Its vector.</summary>
    public byte ExceptionVector;

    /// <summary>True when <see cref="ExceptionErrorCode"/> is pushed.</summary>
    public bool ExceptionHasErrorCode;

    /// <summary>The error code.</summary>
    public uint ExceptionErrorCode;

    /// <summary>An exception that waits brings <see cref="ExceptionPayload"/> with it, which no register has yet.</summary>
    public bool ExceptionHasPayload;

    /// <summary>What a #DB adds to DR6, or a #PF's address.</summary>
    public ulong ExceptionPayload;

    /// <summary>An interrupt is being delivered.</summary>
    public bool InterruptInjected;

    /// <summary>Its vector.</summary>
    public byte InterruptVector;

    /// <summary>It comes from INT n.</summary>
    public bool InterruptSoft;

    /// <summary>Interrupt shadow: bit 0 MOV SS/POP SS, bit 1 STI (KVM_X86_SHADOW_INT_*).</summary>
    public byte InterruptShadow;

    /// <summary>An NMI is being delivered.</summary>
    public bool NmiInjected;

    /// <summary>How many NMIs wait: up to two, while one's handler runs up to one.</summary>
    public byte NmisPending;

    /// <summary>NMIs are blocked until IRET.</summary>
    public bool NmiMasked;

    /// <summary>SIPI vector of an application processor that has received one.</summary>
    public uint SipiVector;

    /// <summary>A triple fault waits to be reported.</summary>
    public bool TripleFaultPending;
}
