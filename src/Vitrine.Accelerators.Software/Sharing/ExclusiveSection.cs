namespace Vitrine.Accelerators.Software.Sharing;

/// <summary>
/// Lets one vCPU do something while no other one runs: what the host can't do as one operation, such as a locked instruction on an operand in two pages. Rare, and as
/// slow as the slowest of the others is to stop.
/// </summary>
internal sealed class ExclusiveSection(VcpuGroup group)
{
    private readonly object _sync = new();
    private volatile VcpuPresence? _owner;

    /// <summary>True when a vCPU is inside.</summary>
    public bool IsHeldBy(VcpuPresence vcpu) => _owner == vcpu;

    /// <summary>True when a vCPU must not run now. Any vCPU that says it runs must ask this behind a full barrier.</summary>
    public bool Excludes(VcpuPresence vcpu) => _owner is { } owner && owner != vcpu;

    /// <summary>Enters; returns when the others stand. On the thread of the vCPU, which must not count as running.</summary>
    public void Enter(VcpuPresence vcpu)
    {
        lock (_sync)
        {
            while (_owner is not null) Monitor.Wait(_sync);
            _owner = vcpu;
        }

        Interlocked.MemoryBarrier();
        for (int id = 0; id < group.Count; id++)
        {
            if (group.Find(id) is not { } other || other == vcpu) continue;
            other.AskForAttention();
            SpinWait spin = default;
            while (other.IsRunning) spin.SpinOnce(sleep1Threshold: -1);
        }
    }

    /// <summary>Leaves.</summary>
    public void Exit()
    {
        lock (_sync)
        {
            _owner = null;
            Monitor.PulseAll(_sync);
        }
    }

    /// <summary>Waits until nobody is inside. On the thread of a vCPU that does not count as running.</summary>
    public void WaitUntilFree()
    {
        lock (_sync)
        {
            while (_owner is not null) Monitor.Wait(_sync);
        }
    }
}
