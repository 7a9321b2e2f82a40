using Vitrine.Accelerators.Software.Apic;
using Vitrine.Accelerators.Software.System;

namespace Vitrine.Accelerators.Software;

/// <content>What other threads and the clock bring: kicks, interrupts, INIT, flushes; and waiting for it.</content>
internal sealed unsafe partial class SoftwareVcpu
{
    // SAFETY: as in the main part: the state, blocks and buffers are this object's native allocations, and only the vCPU's thread comes here.
    private IdleWatch _idle;

    private void Wake()
    {
        Volatile.Write(ref _cpu->PollAt, 0);
        _wake.Signal();
    }

    /// <summary>Looks at everything that other threads and the clock may have brought.</summary>
    /// <returns>False when the exit is filled in.</returns>
    private bool ProcessEvents()
    {
        // First, so that a request that comes while we look is not overwritten.
        // The exchange is a full barrier: no flag below is read before it.
        Interlocked.Exchange(ref _cpu->PollAt, _cpu->Instructions + (ulong)LongestPoll);
        if (_presence.IsFlushWanted) AnswerFlush();
        if (!AnswerKick())
        {
            // What came with the kick has not been looked at.
            _presence.AskForAttention();
            return false;
        }

        long now = _clock.Now;
        LocalApic.Advance(now);
        if (LocalApic.TryTakeEoiBroadcast(out byte ended))
        {
            _presence.AskForAttention();
            _exit.Value.Reason = VmExitReason.IoapicEoi;
            _exit.Value.Vector = ended;
            return false;
        }

        return DeliverEvents() && PlanPoll(now);
    }

    private bool DeliverEvents()
    {
        // A start-up IPI to a processor that runs is without effect.
        if (LocalApic.TakeStart() == ApicEvents.Init) TakeInit();
        if (WaitsForStartUp) return true;

        // The trap of a task switch comes first (SDM vol. 3, table 6-2).
        bool open = _cpu->InterruptShadow == 0 && _cpu->PendingDebug == 0;
        if (open && !_cpu->NmiMasked && LocalApic.TryTakeNmi())
        {
            _halted = false;
            if (!InterruptDelivery.DeliverNmi(_cpu)) return ShutDown();
            if (LeaveForStep()) return false;
        }

        bool local = LocalApic.HasDeliverableInterrupt(out _);
        bool external = !local && LocalApic.HasExternalInterrupt;
        InterruptWaits = local || external;
        if (!InterruptWaits || !open || !InterruptsEnabled) return true;
        byte vector = local ? LocalApic.Acknowledge() : _accelerator.ExternalInterrupts!.Acknowledge();
        _halted = false;
        if (!InterruptDelivery.DeliverInterrupt(_cpu, vector)) return ShutDown();
        InterruptWaits = LocalApic.HasDeliverableInterrupt(out _) || LocalApic.HasExternalInterrupt;
        return !LeaveForStep();
    }

    /// <summary>The next look at the clock: sooner when the APIC's timer is about to expire.</summary>
    private bool PlanPoll(long now)
    {
        long deadline = LocalApic.NextDeadline;
        _timer?.Set(deadline);
        if (deadline == long.MaxValue) return true;
        ulong instructions = (ulong)Math.Clamp((deadline - now) / NanosecondsPerInstruction, ShortestPoll, LongestPoll);
        ulong planned = _cpu->Instructions + instructions;

        // Only shorten it: zero is somebody's request, which may come at this moment.
        ulong present = Volatile.Read(ref _cpu->PollAt);
        if (planned < present) Interlocked.CompareExchange(ref _cpu->PollAt, planned, present);
        return true;
    }

    /// <summary>HLT: until an interrupt that can be delivered.</summary>
    /// <returns>False when the exit is filled in; the vCPU stays halted.</returns>
    private bool WaitForInterrupt()
    {
        _presence.Leave();
        bool goesOn = WaitWhileHalted();
        EnterGuest();
        return goesOn;
    }

    private bool WaitWhileHalted()
    {
        while (true)
        {
            long now = _clock.Now;
            bool idle = _idle.Wait(now);
            LocalApic.Advance(now);
            bool interrupt = LocalApic.HasDeliverableInterrupt(out _) || LocalApic.HasExternalInterrupt;
            ApicEvents events = LocalApic.PendingEvents & (ApicEvents.Nmi | ApicEvents.Init);
            if (_cpu->NmiMasked) events &= ~ApicEvents.Nmi;
            if ((interrupt && InterruptsEnabled) || events != ApicEvents.None)
            {
                _halted = false;
                _sleeps = false;
                _idle.Resume(now);
                Volatile.Write(ref _cpu->PollAt, 0);
                return true;
            }

            NoteSleep(!InterruptsEnabled);
            if (!AnswerKick() || (!InterruptsEnabled && NobodyWakes())) return false;
            long deadline = LocalApic.NextDeadline;
            if (_translations is { IsLarge: true })
            {
                if (idle) _code.Release();
                else deadline = Math.Min(deadline, _idle.End);
            }

            _wake.Wait(_clock.SleepUntil(deadline));
        }
    }

    private void AnswerFlush()
    {
        int wanted = _presence.BeginFlush();
        _mmu.FlushTlb();
        _presence.EndFlush(wanted);
    }
}
