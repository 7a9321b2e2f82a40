using Vitrine.Accelerators.Mmu;

namespace Vitrine.Accelerators.Statistics;

/// <summary>What the software CPU has done, since its creation, on one vCPU or on several together.</summary>
public sealed record CpuStatistics
{
    /// <summary>"interpreter" or "translator".</summary>
    public required string Engine { get; init; }

    /// <summary>How many vCPUs it is about.</summary>
    public int Vcpus { get; init; } = 1;

    /// <summary>What costs time to count was counted too; else those counters are 0.</summary>
    public bool IsDetailed { get; init; }

    /// <summary>Instructions that the interpreter has executed.</summary>
    public ulong InterpretedInstructions { get; init; }

    /// <summary>Blocks that the interpreter has decoded.</summary>
    public ulong DecodedBlocks { get; init; }

    /// <summary>Times that a guest's write to code dropped the blocks of a page, of both engines.</summary>
    public ulong Invalidations { get; init; }

    /// <summary>Times that all blocks were dropped, of both engines.</summary>
    public ulong CacheFlushes { get; init; }

    /// <summary>Times that, beside a translator, all blocks of the interpreter were dropped because there was no more room for them.</summary>
    public ulong DecodedFlushes { get; init; }

    /// <summary>The translator's part; null without one.</summary>
    public TranslationStatistics? Translation { get; init; }

    /// <summary>What was done to run user code on the host's processor; null where that is not wanted.</summary>
    public NativeStatistics? Native { get; init; }

    /// <summary>How addresses are translated behind the TLB.</summary>
    public MmuMode Mmu { get; init; }

    /// <summary>What the MMU has done.</summary>
    public MmuCounters MmuCounters { get; init; }

    /// <summary>Adds up what several vCPUs have done.</summary>
    /// <param name="vcpus">One for each vCPU.</param>
    /// <returns>Null for none.</returns>
    public static CpuStatistics? Sum(IEnumerable<CpuStatistics> vcpus) => vcpus.Aggregate((CpuStatistics?)null, (sum, next) => sum is null ? next : sum.Plus(next));

    private CpuStatistics Plus(CpuStatistics other) => this with
    {
        Vcpus = Vcpus + other.Vcpus,
        InterpretedInstructions = InterpretedInstructions + other.InterpretedInstructions,
        DecodedBlocks = DecodedBlocks + other.DecodedBlocks,
        Invalidations = Invalidations + other.Invalidations,
        CacheFlushes = CacheFlushes + other.CacheFlushes,
        DecodedFlushes = DecodedFlushes + other.DecodedFlushes,
        Translation = Translation is null || other.Translation is null ? Translation ?? other.Translation : Translation.Plus(other.Translation),
        Native = Native is null || other.Native is null ? Native ?? other.Native : Native.Plus(other.Native),
        MmuCounters = MmuCounters + other.MmuCounters,
    };
}
