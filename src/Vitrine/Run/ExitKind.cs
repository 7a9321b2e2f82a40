namespace Vitrine.Run;

/// <summary>What the run loop does after an exit.</summary>
internal enum ExitKind
{
    /// <summary>Enters the guest again.</summary>
    Continue,

    /// <summary>Looks whether the machine wants the vCPU to leave; else enters again.</summary>
    Interrupted,

    /// <summary>Waits a moment before it enters again: the guest halts, and the accelerator doesn't wait by itself.</summary>
    Idle,

    /// <summary>Waits until a reader has taken enough of the guest's output, then enters again.</summary>
    Stalled,

    /// <summary>Leaves: power-off.</summary>
    PowerOff,

    /// <summary>Leaves: reset.</summary>
    Reset,

    /// <summary>Leaves: debug exit.</summary>
    DebugExit,

    /// <summary>Leaves: triple fault.</summary>
    TripleFault,

    /// <summary>Leaves: HLT that nothing can end.</summary>
    HaltForever,

    /// <summary>Leaves: the guest told of its crash.</summary>
    GuestCrash,

    /// <summary>Leaves: the CPU refused to enter the guest.</summary>
    FailEntry,

    /// <summary>Leaves: translator and interpreter differ.</summary>
    EnginesDiffer,

    /// <summary>Leaves: the accelerator could not go on.</summary>
    InternalError,
}
