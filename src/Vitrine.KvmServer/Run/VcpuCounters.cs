using Vitrine.Accelerators;

namespace Vitrine.KvmServer.Run;

/// <summary>What KVM_GET_STATS_FD tells of a vCPU, under the kernel's names where it has them.</summary>
internal sealed class VcpuCounters
{
    private const int Exits = 0;
    private const int PortExits = 1;
    private const int MemoryExits = 2;
    private const int HaltExits = 3;
    private const int WindowExits = 4;
    private const int SignalExits = 5;

    /// <summary>The counters.</summary>
    public StatisticsSource Source { get; } = new(
        [("exits", false), ("io_exits", false), ("mmio_exits", false), ("halt_exits", false), ("irq_window_exits", false), ("signal_exits", false)]);

    /// <summary>The engine has come back.</summary>
    public void Note(VmExitReason reason)
    {
        Source.Count(Exits);
        switch (reason)
        {
            case VmExitReason.PortIo:
                Source.Count(PortExits);
                break;
            case VmExitReason.Mmio:
                Source.Count(MemoryExits);
                break;
            case VmExitReason.Halt:
                Source.Count(HaltExits);
                break;
            case VmExitReason.InterruptWindow:
                Source.Count(WindowExits);
                break;
        }

        Source.Show();
    }

    /// <summary>KVM_RUN ends for a signal.</summary>
    public void NoteSignal()
    {
        Source.Count(SignalExits);
        Source.Show();
    }
}
