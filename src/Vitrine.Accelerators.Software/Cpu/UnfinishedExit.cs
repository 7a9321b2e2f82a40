namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>The last exit of a software vCPU, with the replay log of its instruction, for another vCPU to go on with.</summary>
internal sealed class UnfinishedExit
{
    /// <summary>The exit; where its data are counts only for the vCPU that left.</summary>
    public required VmExit Exit { get; init; }

    /// <summary>Its data.</summary>
    public required byte[] Data { get; init; }

    /// <summary>The access is to be answered still.</summary>
    public required bool AccessPending { get; init; }

    /// <summary>Where the instruction stood when RIP was first written from outside; null when it was not.</summary>
    public required ulong? ResumePoint { get; init; }

    /// <summary>The accesses that have been answered. Its instruction is counted from the last one that is complete.</summary>
    public required ReplayLog Log { get; init; }
}
