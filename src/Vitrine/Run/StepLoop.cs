using Vitrine.Accelerators;

namespace Vitrine.Run;

/// <summary>The run loop of a vCPU that is stepped: the same exits to the same devices, with a look behind every instruction.</summary>
internal static class StepLoop
{
    private static readonly TimeSpan IdleWait = TimeSpan.FromMilliseconds(1);

    /// <summary>Steps until the order is carried out or recalled, or something ends the guest.</summary>
    /// <param name="vcpu">The vCPU; on its thread.</param>
    /// <param name="bus">Where exits go.</param>
    /// <param name="gate">Says when the machine has ended.</param>
    /// <param name="order">How far; receives how it went.</param>
    /// <param name="outcome">What ended it; <see cref="ExitKind.Continue"/> or <see cref="ExitKind.Interrupted"/> when nothing in the guest did.</param>
    /// <returns>The exit behind it, valid until the vCPU runs again.</returns>
    internal static ref VmExit Run(Vcpu vcpu, MachineBus bus, VcpuGate gate, StepOrder order, out ExitOutcome outcome)
    {
        order.Begins(vcpu);
        vcpu.Accelerated.Inspection.SingleStep = true;

        // The time may be over already, and the kick that came with that spent on the way to the gate.
        if (order.Cancelled) vcpu.Accelerated.Kick();
        try
        {
            while (true)
            {
                ref VmExit exit = ref vcpu.Run();
                outcome = ExitHandler.Handle(ref exit, bus);
                switch (outcome.Kind)
                {
                    case ExitKind.Continue when exit.Reason == VmExitReason.Debug:
                        if (order.StepEnds(ref exit, vcpu)) return ref exit;
                        if (order.Runs) LetRun(vcpu, order);
                        continue;
                    case ExitKind.Interrupted:
                        // As in the run loop: only here, and behind a step, is no instruction half done.
                        if (!order.Cancelled && !gate.HasEnded) continue;
                        order.Outcome = gate.HasEnded ? StepOutcome.Ended : StepOutcome.TimedOut;
                        return ref exit;
                    case ExitKind.Idle:
                        if (order.Cancelled || gate.HasEnded) goto case ExitKind.Interrupted;
                        Thread.Sleep(IdleWait);
                        break;
                    case ExitKind.Stalled:
                        while (bus.IsStalled && !order.Cancelled && !gate.HasEnded) Thread.Sleep(IdleWait);
                        break;
                }

                vcpu.History.Add(ref exit);
                order.Note(ref exit, bus);
                if (outcome.Kind is ExitKind.Continue or ExitKind.Idle or ExitKind.Stalled) continue;
                order.Outcome = outcome.Kind == ExitKind.Reset ? StepOutcome.Reset : StepOutcome.Ended;
                return ref exit;
            }
        }
        finally
        {
            vcpu.Accelerated.Inspection.SingleStep = false;
            if (order.Runs) vcpu.Accelerated.Inspection.TryStopAt(null);
            order.Ends(vcpu);
        }
    }

    // Where the accelerator can't, it goes on step by step.
    private static void LetRun(Vcpu vcpu, StepOrder order)
    {
        if (!vcpu.Accelerated.Inspection.TryStopAt(order.Address)) return;
        vcpu.Accelerated.Inspection.SingleStep = false;
        order.BeginsToRun();
    }
}
