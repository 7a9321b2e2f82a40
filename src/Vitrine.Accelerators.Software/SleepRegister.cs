namespace Vitrine.Accelerators.Software;

/// <summary>Which vCPUs of a machine wait where no interrupt can reach them: when all do, none will ever go on.</summary>
/// <param name="count">How many vCPUs the machine has.</param>
internal sealed class SleepRegister(int count)
{
    private readonly VcpuActivity?[] _activities = new VcpuActivity?[count];
    private int _sleeps;

    /// <summary>A vCPU has been created.</summary>
    public void Add(int id, VcpuActivity activity) => Volatile.Write(ref _activities[id], activity);

    /// <summary>A vCPU has gone: it counts as one that may still be created.</summary>
    public void Remove(int id) => Volatile.Write(ref _activities[id], null);

    /// <summary>
    /// True when a vCPU that waits without being able to take an interrupt waits for nothing: every other one does so too, and nothing has
    /// been sent to it. Only INIT, a start-up IPI or an NMI could end such a wait, and nobody is left who might send one.
    /// </summary>
    public bool NobodyRuns(VcpuActivity waiting)
    {
        // One may send something to another that was asked already, and go to sleep before it is asked itself. It then asks in its turn.
        int sleeps = Volatile.Read(ref _sleeps);
        for (int id = 0; id < _activities.Length; id++)
        {
            VcpuActivity? activity = Volatile.Read(ref _activities[id]);
            if (activity != waiting && activity is not { SleepsForGood: true }) return false;
        }

        return Volatile.Read(ref _sleeps) == sleeps;
    }

    /// <summary>A vCPU is about to say that it waits where no interrupt can reach it. Any thread.</summary>
    public void NoteSleep() => Interlocked.Increment(ref _sleeps);
}
