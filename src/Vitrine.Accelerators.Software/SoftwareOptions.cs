using Vitrine.Accelerators.Mmu;

namespace Vitrine.Accelerators.Software;

/// <summary>What can be chosen about the software CPU.</summary>
public sealed record SoftwareOptions
{
    /// <summary>The engine that is used unless another is asked for.</summary>
    public static SoftwareEngine DefaultEngine => SoftwareAccelerator.HostHasTranslator ? SoftwareEngine.Translator : SoftwareEngine.Interpreter;

    /// <summary>How it executes instructions; null for what is used unless another is asked for: with <see cref="Lockstep"/> the translator.</summary>
    public SoftwareEngine? Engine { get; init; }

    /// <summary>
    /// With the translator: before each translated block the interpreter tries the same instructions, and behind it both must have come to the
    /// same; else <see cref="IVirtualCpu.Run"/> returns <see cref="VmExitReason.EnginesDiffer"/>. Slow; for finding faults of the software CPU.
    /// </summary>
    public bool Lockstep { get; init; }

    /// <summary>
    /// How it gets from linear addresses to host memory; null for what suits the number of vCPUs. The guest can't tell the difference.
    /// Shadow page tables belong to one vCPU, so several need <see cref="MmuMode.TwoDimensional"/>.
    /// </summary>
    public MmuMode? Mmu { get; init; }

    /// <summary>
    /// What runs the guest's user code (CPL 3, 64-bit): the engine, or the host's own processor; null for what is used unless something else is asked for, which is
    /// <see cref="Software.UserCode.Auto"/>. <see cref="Lockstep"/>, <see cref="Statistics"/>, the interpreter and <see cref="ForeignWrites"/> leave it to the engine, and so
    /// does a host that forbids what is needed (<see cref="NativeUserProbe"/>).
    /// </summary>
    public UserCode? UserCode { get; init; }

    /// <summary>
    /// Counts what costs time to count, see <see cref="Statistics.CpuStatistics.IsDetailed"/>: translated code is written with counters in it, and runs slower.
    /// </summary>
    public bool Statistics { get; init; }

    /// <summary>
    /// The guest's memory is written by others than vCPUs past <see cref="Memory.IGuestMemory"/>, and so without a notice: it is another program's, which a device
    /// model or a debugger writes to as it likes. Code is then kept with the bytes that it was made of, and compared with memory where the guest may count on new
    /// ones, see <see cref="IVirtualCpu.Coherence"/>. Costs memory, 4 KiB for each page of code, and a little time.
    /// </summary>
    public bool ForeignWrites { get; init; }
}
