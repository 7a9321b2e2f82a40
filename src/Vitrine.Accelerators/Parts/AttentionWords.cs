namespace Vitrine.Accelerators.Parts;

/// <summary>
/// The words by which a running, a halted or a waiting vCPU is brought back with <see cref="VmExitReason.Interrupted"/>: three plain stores, in this order, by a
/// signal handler on the vCPU's own thread. They live as long as the vCPU. Other threads call <see cref="IVirtualCpu.Kick"/>, which also wakes a thread that waits.
/// </summary>
/// <param name="kicked">See <see cref="Kicked"/>.</param>
/// <param name="pollAt">See <see cref="PollAt"/>.</param>
/// <param name="futex">See <see cref="Futex"/>.</param>
public readonly unsafe struct AttentionWords(uint* kicked, ulong* pollAt, uint* futex)
{
    // SAFETY: only names the words; who stores to them must know that the vCPU is still there.

    /// <summary>Set to 1: the vCPU shall come back.</summary>
    public uint* Kicked { get; } = kicked;

    /// <summary>Set to 0: code that runs looks for events before its next block.</summary>
    public ulong* PollAt { get; } = pollAt;

    /// <summary>Set to 1: what waits on it (FUTEX_WAIT) waits no more. The signal itself ends the system call.</summary>
    public uint* Futex { get; } = futex;
}
