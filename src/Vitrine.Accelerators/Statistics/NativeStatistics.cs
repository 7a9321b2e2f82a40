namespace Vitrine.Accelerators.Statistics;

/// <summary>What was done to run the guest's user code on the host's own processor, since the machine's creation.</summary>
public sealed record NativeStatistics
{
    /// <summary>What the host refused, so that user code is translated; null where it has refused nothing.</summary>
    public string? Refused { get; init; }

    /// <summary>Processes started for it. Each has one of the guest's address spaces at a time.</summary>
    public ulong Stubs { get; init; }

    /// <summary>Times that one of them stopped, for whatever reason.</summary>
    public ulong Stops { get; init; }

    /// <summary>Of these: the vCPU was wanted, for an interrupt say.</summary>
    public ulong Kicks { get; init; }

    /// <summary>Of these: system calls of the guest.</summary>
    public ulong SystemCalls { get; init; }

    /// <summary>Of these: accesses to pages that were then mapped.</summary>
    public ulong Fills { get; init; }

    /// <summary>Mappings made. One can have many pages.</summary>
    public ulong Mappings { get; init; }

    /// <summary>Mappings dropped, because the guest's translations ended.</summary>
    public ulong Dropped { get; init; }

    /// <summary>Instructions that were interpreted in between.</summary>
    public ulong Interpreted { get; init; }

    /// <summary>Times that a program was left to the translator for a while, because its page has instructions that the host's processor must not execute.</summary>
    public ulong Withheld { get; init; }

    /// <summary>Programs that went from the translator to the host's processor.</summary>
    public ulong Promotions { get; init; }

    /// <summary>Programs that went back, because they stopped too often.</summary>
    public ulong Demotions { get; init; }

    /// <summary>Processes that ended by themselves, or were ended from outside; their programs got a general-protection fault.</summary>
    public ulong Lost { get; init; }

    internal NativeStatistics Plus(NativeStatistics other) => new()
    {
        Refused = Refused ?? other.Refused,
        Stubs = Stubs + other.Stubs,
        Stops = Stops + other.Stops,
        Kicks = Kicks + other.Kicks,
        SystemCalls = SystemCalls + other.SystemCalls,
        Fills = Fills + other.Fills,
        Mappings = Mappings + other.Mappings,
        Dropped = Dropped + other.Dropped,
        Interpreted = Interpreted + other.Interpreted,
        Withheld = Withheld + other.Withheld,
        Promotions = Promotions + other.Promotions,
        Demotions = Demotions + other.Demotions,
        Lost = Lost + other.Lost,
    };
}
