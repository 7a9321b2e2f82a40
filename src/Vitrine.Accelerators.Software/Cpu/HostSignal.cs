namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>The signals by which Linux reports that an instruction of this process can't be completed, with their numbers (signal(7)).</summary>
internal enum HostSignal : uint
{
    /// <summary>No signal.</summary>
    None = 0,

    /// <summary>An invalid opcode.</summary>
    SIGILL = 4,

    /// <summary>A breakpoint or debug trap.</summary>
    SIGTRAP = 5,

    /// <summary>Memory that is mapped and can't be had, or an access that isn't aligned where it must be.</summary>
    SIGBUS = 7,

    /// <summary>A division, or an unmasked floating-point exception.</summary>
    SIGFPE = 8,

    /// <summary>Memory that isn't mapped or may not be accessed so, or any other general-protection fault.</summary>
    SIGSEGV = 11,
}
