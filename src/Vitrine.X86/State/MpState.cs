namespace Vitrine.X86.State;

/// <summary>Multiprocessing state of a vCPU, with KVM's values (KVM_MP_STATE_*).</summary>
public enum MpState
{
    /// <summary>Executes instructions.</summary>
    Runnable = 0,

    /// <summary>An application processor that waits for INIT.</summary>
    Uninitialized = 1,

    /// <summary>Has received INIT and waits for SIPI.</summary>
    InitReceived = 2,

    /// <summary>Has executed HLT and waits for an interrupt.</summary>
    Halted = 3,

    /// <summary>Has received SIPI.</summary>
    SipiReceived = 4,
}
