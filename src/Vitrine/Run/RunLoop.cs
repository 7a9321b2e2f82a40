using Vitrine.Accelerators;

namespace Vitrine.Run;

/// <summary>The heart: run, take the exit to its device, run again. The same for every accelerator.</summary>
internal static class RunLoop
{
    // How soon a guest is looked at again that halts on an accelerator which doesn't wait for interrupts itself, or whose output is full.
    private static readonly TimeSpan IdleWait = TimeSpan.FromMilliseconds(1);

    /// <summary>Runs a vCPU until the machine wants it back or something ends the guest.</summary>
    /// <param name="vcpu">The vCPU; on its thread.</param>
    /// <param name="bus">Where exits go.</param>
    /// <param name="gate">Says whether the machine wants the vCPU to leave. Whoever closes it kicks the vCPU.</param>
    /// <param name="outcome">What ended it; <see cref="ExitKind.Interrupted"/> when the machine wanted it back.</param>
    /// <returns>The exit behind it, valid until the vCPU runs again.</returns>
    internal static ref VmExit Run(Vcpu vcpu, MachineBus bus, VcpuGate gate, out ExitOutcome outcome)
    {
        // An output that was full when the vCPU left, for a reset say, takes no more before it has room.
        WaitForRoom(bus, gate);
        while (true)
        {
            ref VmExit exit = ref vcpu.Run();
            outcome = ExitHandler.Handle(ref exit, bus);
            vcpu.History.Add(ref exit);
            switch (outcome.Kind)
            {
                case ExitKind.Continue:
                    break;
                case ExitKind.Interrupted:
                    // Only here, where the previous exit's instruction is finished, may the vCPU be stopped and inspected.
                    if (!gate.IsOpen) return ref exit;
                    break;
                case ExitKind.Idle:
                    if (gate.IsOpen) Thread.Sleep(IdleWait);
                    break;
                case ExitKind.Stalled:
                    WaitForRoom(bus, gate);
                    break;
                default:
                    return ref exit;
            }
        }
    }

    private static void WaitForRoom(MachineBus bus, VcpuGate gate)
    {
        while (bus.IsStalled && gate.IsOpen) Thread.Sleep(IdleWait);
    }
}
