namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>What native user mode has done on a vCPU.</summary>
internal sealed class NativeCounters
{
    /// <summary>Times that a stub stopped.</summary>
    public ulong Stops { get; set; }

    /// <summary>Of these: somebody wanted the vCPU.</summary>
    public ulong Kicks { get; set; }

    /// <summary>Of these: system calls.</summary>
    public ulong SystemCalls { get; set; }

    /// <summary>Of these: accesses whose page was then mapped.</summary>
    public ulong Fills { get; set; }

    /// <summary>Instructions that were interpreted in between.</summary>
    public ulong Interpreted { get; set; }

    /// <summary>Times that user code went to the other engine, because the host's processor must not execute its page.</summary>
    public ulong Withheld { get; set; }

    /// <summary>Times that the host refused a mapping.</summary>
    public ulong Refused { get; set; }

    /// <summary>Programs that went from the other engine to a stub.</summary>
    public ulong Promotions { get; set; }

    /// <summary>Programs that went back, because they stopped too often.</summary>
    public ulong Demotions { get; set; }

    /// <summary>Stubs that ended by themselves.</summary>
    public ulong Lost { get; set; }
}
