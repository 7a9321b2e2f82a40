using Vitrine.Accelerators.Software.Apic;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Engines;
using Vitrine.Accelerators.Software.Interpreter;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Sharing;
using Vitrine.Accelerators.Software.System;
using Vitrine.Timing;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software;

/// <summary>What other threads and the clock bring to a vCPU: kicks, interrupts, INIT and start-up IPIs, flushes; and waiting for it.</summary>
internal sealed unsafe class EventPump : IDisposable
{
    // SAFETY: the state is that of the vCPU that owns this object, and outlives it; only the vCPU's thread comes here.
    // Bounds of how many instructions run between two looks at the clock: about 100 and 2 microseconds.
    private const long LongestPoll = 20_000;
    private const long ShortestPoll = 400;
    private const long NanosecondsPerInstruction = 5;

    private readonly CpuState* _cpu;
    private readonly Processor _processor;
    private readonly LocalApic _localApic;
    private readonly ClientEvents _client;
    private readonly VcpuPresence _presence;
    private readonly VcpuExit _exit;
    private readonly VcpuWaker _waker;
    private readonly VcpuActivity _activity;
    private readonly GuestEntry _entry;
    private readonly CodeFinder _code;
    private readonly Engine _engine;
    private readonly VcpuCoherence? _coherence;
    private readonly MachineClock _clock;
    private readonly DeadlineTimer? _alarm;
    private IdleWatch _idle;

    /// <summary>The pump of a vCPU.</summary>
    public EventPump(
        CpuState* cpu, Processor processor, VcpuExit exit, VcpuWaker waker, VcpuActivity activity, GuestEntry entry, CodeFinder code, Engine engine,
        VcpuCoherence? coherence, MachineClock clock)
    {
        _cpu = cpu;
        _processor = processor;
        _localApic = processor.LocalApic;
        _client = processor.Client;
        _presence = processor.Presence;
        _exit = exit;
        _waker = waker;
        _activity = activity;
        _entry = entry;
        _code = code;
        _engine = engine;
        _coherence = coherence;
        _clock = clock;
        if (engine.NeedsAlarm) _alarm = new DeadlineTimer(clock, waker.Wake);
    }

    /// <summary>Takes the vector that the 8259 pair has, which is connected where its line is raised.</summary>
    public required Func<byte> AcknowledgeExternal { get; init; }

    /// <summary>Carries out an INIT that has come.</summary>
    public required Action Initialize { get; init; }

    /// <summary>It is time to look at events.</summary>
    public bool IsDue => _cpu->Instructions >= _cpu->PollAt || (_cpu->InterruptWaits != 0 && _activity.InterruptsEnabled);

    /// <summary>Looks at everything that other threads and the clock may have brought.</summary>
    /// <returns>False when the exit is filled in.</returns>
    public bool Process()
    {
        // First, so that a request that comes while we look is not overwritten.
        // The exchange is a full barrier: no flag below is read before it.
        Interlocked.Exchange(ref _cpu->PollAt, _cpu->Instructions + (ulong)LongestPoll);
        _entry.FollowSlots();
        if (_presence.IsFlushWanted) _entry.AnswerFlush();
        if (!AnswerKick())
        {
            // What came with the kick has not been looked at.
            _presence.AskForAttention();
            return false;
        }

        if (_client.CompletedOut.Size != 0)
        {
            (int size, uint value) = _client.CompletedOut;
            _client.CompletedOut = default;
            _presence.AskForAttention();
            _exit.ForCompletedPort(PortOps.CompletedFirst, size, value);
            return false;
        }

        if (_client.TaskPriorityLowered)
        {
            _client.TaskPriorityLowered = false;
            _presence.AskForAttention();
            _exit.Value.Reason = VmExitReason.SetTpr;
            return false;
        }

        if (_processor.ParavirtualClock.IsDue) _processor.ParavirtualClock.Update();
        long now = _clock.Now;
        _localApic.Advance(now);
        if (_localApic.TryTakeEoiBroadcast(out byte ended))
        {
            _presence.AskForAttention();
            _exit.Value.Reason = VmExitReason.IoapicEoi;
            _exit.Value.Vector = ended;
            return false;
        }

        if (!Deliver()) return false;
        PlanPoll(now);

        // Behind the look at interrupts: what a device wrote before it raised one is followed before the handler runs.
        _entry.FollowWrites();
        _coherence?.FollowDoubts();
        return true;
    }

    /// <summary>An instruction has completed, or an event was delivered: that is a step, if steps are wanted.</summary>
    /// <returns>True when the exit is filled in.</returns>
    public bool LeaveForStep()
    {
        if ((_cpu->Mode & ExecutionMode.SingleStep) == 0) return false;
        _exit.ForDebug(ExceptionVector.DB, _code.LinearOf(_cpu->Rip), Dr6.BS | Dr6.Fixed1, _cpu->Dr7);

        // The look at events that this one was, or cut short, comes before whatever runs next.
        _presence.AskForAttention();
        return true;
    }

    /// <summary>HLT: waits for an interrupt that can be delivered.</summary>
    /// <returns>False when the exit is filled in; the vCPU stays halted.</returns>
    public bool WaitForInterrupt()
    {
        if (_processor.Behavior.LocalApicAtClient) return LeaveForHalt();
        _entry.Leave();
        bool goesOn = WaitWhileHalted();
        _entry.Enter();
        return goesOn;
    }

    /// <summary>Waits for a start-up IPI; INIT comes first. Interrupts and NMIs wait too.</summary>
    /// <returns>False when the exit is filled in; the vCPU goes on waiting.</returns>
    public bool WaitForStartUp()
    {
        _entry.Leave();
        bool started = WaitUntilStarted();
        _entry.Enter();
        return started;
    }

    /// <inheritdoc/>
    public void Dispose() => _alarm?.Dispose();

    private bool Deliver()
    {
        // A start-up IPI to a processor that runs is without effect.
        if (_localApic.TakeStart() == ApicEvents.Init) Initialize();
        if (_activity.WaitsForStartUp) return true;
        bool blocks = _processor.Debugging.BlocksInterrupts;
        if (_client.HasInjection && !(blocks && _client.InjectsInterrupt))
        {
            _activity.Halted = false;
            if (!_client.Inject(_cpu)) return _exit.ForShutdown();
            if (LeaveForStep()) return false;
        }

        if (blocks) return true;

        // The trap of a task switch comes first (SDM vol. 3, table 6-2).
        bool open = _cpu->InterruptShadow == 0 && _cpu->PendingDebug == 0;
        if (open && !_cpu->NmiMasked && _localApic.TryTakeNmi())
        {
            _activity.Halted = false;
            if (!InterruptDelivery.DeliverNmi(_cpu)) return _exit.ForShutdown();
            if (LeaveForStep()) return false;
        }

        bool local = _localApic.HasDeliverableInterrupt(out _);
        bool waits = local || HasExternal;
        _cpu->InterruptWaits = waits || _client.WindowRequested ? 1u : 0;
        if (!waits) return !_client.WindowRequested || !LeaveForWindow();
        if (!open || !_activity.InterruptsEnabled) return true;
        byte vector = local ? _localApic.Acknowledge() : TakeExternal();
        _activity.Halted = false;
        _coherence?.NoteInterrupt();
        if (!InterruptDelivery.DeliverInterrupt(_cpu, vector)) return _exit.ForShutdown();
        _cpu->InterruptWaits = _client.WindowRequested || _localApic.HasDeliverableInterrupt(out _) || HasExternal ? 1u : 0;
        return !LeaveForStep();
    }

    // An interrupt of the client's or one that the 8259 pair has.
    private bool HasExternal => _client.HasInterrupt ? _processor.AcceptsExternal : _localApic.HasExternalInterrupt;

    private bool LeaveForWindow()
    {
        if (!_processor.IsOpenForInterrupt) return false;
        _presence.AskForAttention();
        _exit.Value.Reason = VmExitReason.InterruptWindow;
        return true;
    }

    /// <summary>The client has the local APIC, and waits out HLT.</summary>
    private bool LeaveForHalt()
    {
        _activity.Halted = false;
        _exit.Value.Reason = VmExitReason.Halt;
        return false;
    }

    /// <summary>Asks the 8259 pair for a vector. That may wait for a device which itself waits for this vCPU to follow a change of slots.</summary>
    private byte TakeExternal()
    {
        if (_client.HasInterrupt) return _client.TakeInterrupt();
        _entry.Leave();
        byte vector = AcknowledgeExternal();
        _entry.Enter();
        return vector;
    }

    /// <summary>The next look at the clock: sooner when the APIC's timer is about to expire.</summary>
    private void PlanPoll(long now)
    {
        long deadline = _localApic.NextDeadline;
        if (_coherence is not null && _coherence.Delay is var delay and < long.MaxValue) deadline = Math.Min(deadline, now + delay);
        long patience = _engine.Patience;
        _alarm?.Set(patience == long.MaxValue ? deadline : Math.Min(deadline, now + patience));
        if (deadline == long.MaxValue) return;
        ulong instructions = (ulong)Math.Clamp((deadline - now) / NanosecondsPerInstruction, ShortestPoll, LongestPoll);
        ulong planned = _cpu->Instructions + instructions;

        // Only shorten it: zero is somebody's request, which may come at this moment.
        ulong present = Volatile.Read(ref _cpu->PollAt);
        if (planned < present) Interlocked.CompareExchange(ref _cpu->PollAt, planned, present);
    }

    private bool WaitWhileHalted()
    {
        while (true)
        {
            long now = _clock.Now;
            bool idle = _idle.Wait(now);
            _localApic.Advance(now);
            bool interrupt = _localApic.HasDeliverableInterrupt(out _) || HasExternal;
            ApicEvents events = _localApic.PendingEvents & (ApicEvents.Nmi | ApicEvents.Init);
            if (_cpu->NmiMasked) events &= ~ApicEvents.Nmi;
            if ((interrupt && _activity.InterruptsEnabled) || events != ApicEvents.None)
            {
                _activity.Halted = false;
                _activity.EndSleep();
                _idle.Resume(now);
                _presence.AskForAttention();
                return true;
            }

            _activity.NoteSleep(!_activity.InterruptsEnabled);
            if (_client.WindowRequested && LeaveForWindow()) return false;
            if (!AnswerKick() || (!_activity.InterruptsEnabled && NobodyWakes())) return false;
            long deadline = _localApic.NextDeadline;
            if (_engine.IsLarge)
            {
                if (idle) _code.Release();
                else deadline = Math.Min(deadline, _idle.End);
            }

            _waker.Wait(_clock.SleepUntil(deadline));
        }
    }

    private bool WaitUntilStarted()
    {
        while (true)
        {
            // Before it takes what would show others that it goes on.
            _activity.EndSleep();
            Interlocked.MemoryBarrier();
            _ = _localApic.PendingEvents;
            switch (_localApic.TakeStart())
            {
                case ApicEvents.Init:
                    Initialize();
                    if (!_activity.WaitsForStartUp) return true;
                    continue;
                case ApicEvents.StartUp when _activity.HasInit:
                    StartUp(_localApic.StartUpVector);
                    return true;
                case ApicEvents.StartUp:
                    // Not behind an INIT: without effect.
                    continue;
            }

            _activity.NoteSleep(true);
            if (!AnswerKick() || NobodyWakes()) return false;
            _waker.Wait(long.MaxValue);
        }
    }

    /// <summary>A start-up IPI: execution begins in real mode, at the first byte of the page that the vector names (SDM vol. 3, 9.4.4).</summary>
    private void StartUp(byte vector)
    {
        _activity.State = MpState.Runnable;
        _activity.EndSleep();
        ref SegmentCache cs = ref _cpu->Segments[Seg.Cs];
        cs.Selector = (uint)vector << 8;
        cs.Base = (ulong)vector << 12;
        _cpu->Rip = 0;
        ModeChange.Apply(_cpu);
        _presence.AskForAttention();
    }

    /// <summary>It waits where no interrupt can reach it, which it has noted.</summary>
    /// <returns>True when no other processor is left that might wake it; the exit is then filled in.</returns>
    private bool NobodyWakes()
    {
        if (_processor.Behavior.WaitsForEver || !_activity.IsForGood()) return false;
        _exit.Value.Reason = VmExitReason.HaltForever;
        return true;
    }

    /// <returns>False when the exit is filled in.</returns>
    private bool AnswerKick()
    {
        if (!_waker.TryTakeKick()) return true;
        _exit.Value.Reason = VmExitReason.Interrupted;
        return false;
    }
}
