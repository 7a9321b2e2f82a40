namespace Vitrine.Accelerators.Statistics;

/// <summary>What a translator has done since its creation. Members that say "detailed" are 0 unless <see cref="CpuStatistics.IsDetailed"/>.</summary>
public sealed record TranslationStatistics
{
    /// <summary>Blocks translated.</summary>
    public ulong Blocks { get; init; }

    /// <summary>Guest instructions in them.</summary>
    public ulong Instructions { get; init; }

    /// <summary>Guest bytes in them.</summary>
    public ulong GuestBytes { get; init; }

    /// <summary>Host bytes written for them, without the counters among them.</summary>
    public ulong HostBytes { get; init; }

    /// <summary>Detailed: host bytes of counters.</summary>
    public ulong CounterBytes { get; init; }

    /// <summary>Bytes of host code in use now.</summary>
    public ulong CodeBytesInUse { get; init; }

    /// <summary>Bytes that the host has given for host code; it follows what is used, and goes back when the guest is idle for long.</summary>
    public ulong CodeBytesCommitted { get; init; }

    /// <summary>The bound of <see cref="CodeBytesCommitted"/>, which depends on the host's memory and its limits.</summary>
    public ulong CodeBytesReserved { get; init; }

    /// <summary>Times that there was no more room for host code, and all of a vCPU's was dropped.</summary>
    public ulong TimesFull { get; init; }

    /// <summary>Blocks that were dropped for that reason.</summary>
    public ulong BlocksDroppedWhenFull { get; init; }

    /// <summary>Times that all host code was dropped because the guest was idle for long.</summary>
    public ulong TimesReleased { get; init; }

    /// <summary>Entries of the branch table now; it follows the number of blocks.</summary>
    public ulong BranchTableEntries { get; init; }

    /// <summary>Blocks that were compared with the interpreter and agreed. 0 without lockstep.</summary>
    public ulong BlocksCompared { get; init; }

    /// <summary>Why translated code went back to the dispatcher, and how often: every cause there is, in a fixed order.</summary>
    public IReadOnlyList<ExitCount> Exits { get; init; } = [];

    /// <summary>Detailed: how long translating took.</summary>
    public TimeSpan Time { get; init; }

    /// <summary>Detailed: times that a block was run.</summary>
    public ulong BlocksRun { get; init; }

    /// <summary>Detailed: guest instructions that translated code has executed.</summary>
    public ulong InstructionsRun { get; init; }

    /// <summary>
    /// Detailed: accesses that aren't relative to the stack pointer, answered by the TLB, a remembered page or a neighbour's check. Exits for a read or
    /// a write are those that found nothing there.
    /// </summary>
    public ulong TlbAccesses { get; init; }

    /// <summary>Detailed: accesses relative to the stack pointer, which compare with the page that the stack was last accessed in.</summary>
    public ulong StackAccesses { get; init; }

    /// <summary>Detailed: those of them that were in another page than the one before, and went to the TLB for it.</summary>
    public ulong StackPageChanges { get; init; }

    /// <summary>Detailed: branches that went through the branch table. Exits for a look-up are those that found nothing there.</summary>
    public ulong TableBranches { get; init; }

    /// <summary>Detailed: the instructions that the interpreter executed amid translated code, by mnemonic and cause, the most frequent first.</summary>
    public IReadOnlyList<InterpretedCount> Interpreted { get; init; } = [];

    internal TranslationStatistics Plus(TranslationStatistics other) => new()
    {
        Blocks = Blocks + other.Blocks,
        Instructions = Instructions + other.Instructions,
        GuestBytes = GuestBytes + other.GuestBytes,
        HostBytes = HostBytes + other.HostBytes,
        CounterBytes = CounterBytes + other.CounterBytes,
        CodeBytesInUse = CodeBytesInUse + other.CodeBytesInUse,
        CodeBytesCommitted = CodeBytesCommitted + other.CodeBytesCommitted,
        CodeBytesReserved = CodeBytesReserved + other.CodeBytesReserved,
        TimesFull = TimesFull + other.TimesFull,
        BlocksDroppedWhenFull = BlocksDroppedWhenFull + other.BlocksDroppedWhenFull,
        TimesReleased = TimesReleased + other.TimesReleased,
        BranchTableEntries = BranchTableEntries + other.BranchTableEntries,
        BlocksCompared = BlocksCompared + other.BlocksCompared,
        Exits = [.. Exits.Zip(other.Exits, static (one, two) => one with { Count = one.Count + two.Count })],
        Time = Time + other.Time,
        BlocksRun = BlocksRun + other.BlocksRun,
        InstructionsRun = InstructionsRun + other.InstructionsRun,
        TlbAccesses = TlbAccesses + other.TlbAccesses,
        StackAccesses = StackAccesses + other.StackAccesses,
        StackPageChanges = StackPageChanges + other.StackPageChanges,
        TableBranches = TableBranches + other.TableBranches,
        Interpreted =
        [
            .. Interpreted.Concat(other.Interpreted)
                .GroupBy(static count => (count.Mnemonic, count.Cause))
                .Select(static group => new InterpretedCount(group.Key.Mnemonic, group.Key.Cause, group.Aggregate(0UL, static (sum, count) => sum + count.Count)))
                .OrderByDescending(static count => count.Count),
        ],
    };
}
