namespace Vitrine.Accelerators.Software.System;

/// <summary>Where an event comes from: decides the privilege check of its gate, the EXT bit, and RF in the pushed flags.</summary>
internal enum EventKind : byte
{
    /// <summary>Maskable interrupt.</summary>
    External,

    /// <summary>Non-maskable interrupt.</summary>
    Nmi,

    /// <summary>Exception that the processor found and that restarts its instruction: RF is set in the pushed flags.</summary>
    Fault,

    /// <summary>Exception behind an instruction, and #DB of an instruction breakpoint: RF is pushed as it is.</summary>
    Trap,

    /// <summary>INT n.</summary>
    SoftwareInterrupt,

    /// <summary>INT3 and INTO.</summary>
    SoftwareException,

    /// <summary>INT1: no privilege check.</summary>
    PrivilegedSoftwareException,
}
