namespace Vitrine.Accelerators.Coherence;

/// <summary>How much of what a vCPU has derived from memory may be out of date.</summary>
public enum MemoryDoubt
{
    /// <summary>
    /// Somebody had the time to write code, as a device has at each exit for it: code is compared with memory as often as that costs little, and soon where it would
    /// cost too much now.
    /// </summary>
    Passing,

    /// <summary>Somebody is likely to have written code, as a debugger that sets breakpoints is while the vCPU stands: all vCPUs compare their code with memory.</summary>
    Code,

    /// <summary>Memory may be another one, page tables included, as after a snapshot was put back: as <see cref="Code"/>, and all translations of addresses end.</summary>
    Everything,
}
