using Vitrine.Accelerators;

namespace Vitrine.Run;

/// <summary>From an exit to a device and back: what each exit means, whatever accelerator it comes from.</summary>
internal static class ExitHandler
{
    private const ulong SystemEventShutdown = 1;
    private const ulong SystemEventReset = 2;

    /// <summary>Carries out an exit. Reads put their answer into <see cref="VmExit.Data"/>.</summary>
    internal static ExitOutcome Handle(ref VmExit exit, MachineBus bus) => exit.Reason switch
    {
        VmExitReason.PortIo => bus.AccessPort(exit.Port, exit.Size, exit.Count, exit.IsWrite, exit.Data),
        VmExitReason.Mmio => bus.AccessMemory(exit.Address, exit.Size, exit.IsWrite, exit.Data),
        VmExitReason.IoapicEoi => bus.EndOfInterrupt(exit.Vector),
        VmExitReason.Interrupted => new(ExitKind.Interrupted),
        VmExitReason.Ignorable or VmExitReason.Debug => ExitOutcome.Continue,
        VmExitReason.Msr => RefuseMsr(ref exit),
        VmExitReason.Halt => new(ExitKind.Idle),
        VmExitReason.HaltForever => new(ExitKind.HaltForever),
        VmExitReason.Shutdown => new(ExitKind.TripleFault),
        VmExitReason.SystemEvent => exit.Detail switch
        {
            SystemEventShutdown => new(ExitKind.PowerOff),
            SystemEventReset => new(ExitKind.Reset),
            _ => new(ExitKind.GuestCrash),
        },
        VmExitReason.FailEntry => new(ExitKind.FailEntry, (uint)exit.Detail),
        VmExitReason.EnginesDiffer => new(ExitKind.EnginesDiffer),
        VmExitReason.InternalError => new(ExitKind.InternalError, exit.Suberror),
        _ => new(ExitKind.InternalError),
    };

    // The board has no MSR of its own; one that the accelerator doesn't know either reads zero and swallows writes,
    // because unmodified kernels probe model-specific ones without a fault handler early on.
    private static ExitOutcome RefuseMsr(ref VmExit exit)
    {
        if (!exit.IsWrite) exit.Data.Clear();
        return ExitOutcome.Continue;
    }
}
