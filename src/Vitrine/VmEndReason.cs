namespace Vitrine;

/// <summary>How a machine ended.</summary>
public enum VmEndReason
{
    /// <summary>The guest powered itself off.</summary>
    PowerOff,

    /// <summary>The guest asked for a reset, and the configuration says that this ends the machine.</summary>
    Reset,

    /// <summary>The guest wrote to the debug-exit port; <see cref="VmEnd.Value"/> is what it wrote.</summary>
    DebugExit,

    /// <summary>A fault while delivering a double fault: the processor shut down.</summary>
    TripleFault,

    /// <summary>HLT with interrupts disabled on the only processor: nothing could ever wake it.</summary>
    HaltForever,

    /// <summary>The guest reported its own crash to the hypervisor.</summary>
    GuestCrash,

    /// <summary>The host's CPU refused to enter the guest; <see cref="VmEnd.Value"/> is the hardware's reason.</summary>
    FailEntry,

    /// <summary>In lockstep, the translator and the interpreter did not execute a block alike; <see cref="VmEnd.Report"/> says where and how.</summary>
    EnginesDiffer,

    /// <summary>The accelerator or Vitrine itself could not go on.</summary>
    InternalError,

    /// <summary><see cref="VirtualMachine.Stop"/> was called.</summary>
    Stopped,
}
