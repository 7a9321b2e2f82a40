namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>What <see cref="UserPolicy"/> knows of a program. Times are in nanoseconds.</summary>
internal struct ProgramRecord
{
    /// <summary>Its address space.</summary>
    public ulong Space;

    /// <summary>It runs natively.</summary>
    public bool Native;

    /// <summary>How long it was watched in the other engine.</summary>
    public long Watched;

    /// <summary>How often it came back from the kernel meanwhile.</summary>
    public ulong Visits;

    /// <summary>How long its turns in a stub took, each as far as it counts.</summary>
    public long Turns;

    /// <summary>How many turns these were.</summary>
    public long Stops;

    /// <summary>The stub's system calls before them.</summary>
    public ulong CallsBefore;

    /// <summary>How long it stays in the other engine when it is sent back.</summary>
    public long Penalty;

    /// <summary>Until when it stays there.</summary>
    public long PenaltyUntil;
}
