using Vitrine.Accelerators.Software.Apic;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software;

/// <content>INIT and start-up IPIs, and waiting that nobody will end (SDM vol. 3, 9.4 "Multiple-Processor (MP) Initialization").</content>
internal sealed unsafe partial class SoftwareVcpu
{
    // SAFETY: as in the main part: the state is this object's native allocation, and only the vCPU's thread comes here.
    // Uninitialized and InitReceived while it waits for INIT or a start-up IPI; else Runnable.
    private MpState _start;

    // It waits where no interrupt can reach it, for a start-up IPI or in HLT with interrupts disabled; and what would wake it.
    private volatile bool _sleeps;
    private volatile ApicEvents _wakers;

    /// <summary>It waits where no interrupt can reach it, and nothing that would wake it has come. Any thread.</summary>
    /// <remarks>Asks again at the end: whoever takes what has come, after which there is no news, first says that it does not sleep.</remarks>
    internal bool SleepsForGood => _sleeps && !LocalApic.HasNews(_wakers) && _sleeps;

    private bool WaitsForStartUp => _start != MpState.Runnable;

    /// <summary>Waits for a start-up IPI; INIT comes first. Interrupts and NMIs wait too.</summary>
    /// <returns>False when the exit is filled in; the vCPU goes on waiting.</returns>
    private bool WaitForStartUp()
    {
        _presence.Leave();
        bool started = WaitUntilStarted();
        EnterGuest();
        return started;
    }

    private bool WaitUntilStarted()
    {
        while (true)
        {
            // Before it takes what would show others that it goes on.
            _sleeps = false;
            Interlocked.MemoryBarrier();
            _ = LocalApic.PendingEvents;
            switch (LocalApic.TakeStart())
            {
                case ApicEvents.Init:
                    TakeInit();
                    if (!WaitsForStartUp) return true;
                    continue;
                case ApicEvents.StartUp when _start == MpState.InitReceived:
                    StartUp(LocalApic.StartUpVector);
                    return true;
                case ApicEvents.StartUp:
                    // Not behind an INIT: without effect.
                    continue;
            }

            NoteSleep(true);
            if (!AnswerKick() || NobodyWakes()) return false;
            _wake.Wait(long.MaxValue);
        }
    }

    /// <summary>
    /// INIT: the bootstrap processor begins at the reset vector again, another one waits for a start-up IPI. The local APIC keeps its id, base
    /// and mode (SDM vol. 3, table 9-1, 11.4.7.3), and the time-stamp counter counts on. NMIs are no longer blocked, and one that waits is forgotten;
    /// a start-up IPI behind the INIT is not.
    /// </summary>
    private void TakeInit()
    {
        ProcessorState state = new();
        GetState(state);
        ResetState.ApplyInit(state, _processor.Cpuid.Lookup(1, 0).Eax);
        state.Msrs.Remove(Msr.IA32_TIME_STAMP_COUNTER);
        Put(state, PutLevel.Reset);
        LocalApic.Init();
        LocalApic.TryTake(ApicEvents.Nmis);
        InterruptWaits = false;
    }

    /// <summary>A start-up IPI: execution begins in real mode, at the first byte of the page that the vector names (SDM vol. 3, 9.4.4).</summary>
    private void StartUp(byte vector)
    {
        _start = MpState.Runnable;
        _sleeps = false;
        ref SegmentCache cs = ref _cpu->Segments[Seg.Cs];
        cs.Selector = (uint)vector << 8;
        cs.Base = (ulong)vector << 12;
        _cpu->Rip = 0;
        ModeChange.Apply(_cpu);
        Volatile.Write(ref _cpu->PollAt, 0);
    }

    /// <summary>It waits where no interrupt can reach it, which it has noted.</summary>
    /// <returns>True when no other processor is left that might wake it; the exit is then filled in.</returns>
    private bool NobodyWakes()
    {
        // Of two that go to sleep at once, one at least must see the other asleep.
        Interlocked.MemoryBarrier();
        if (!SleepsForGood || !_accelerator.NobodyRuns(this)) return false;
        _exit.Value.Reason = VmExitReason.HaltForever;
        return true;
    }

    private void NoteSleep(bool sleeps)
    {
        ApicEvents start = _start == MpState.InitReceived ? ApicEvents.Init | ApicEvents.StartUp : ApicEvents.Init;
        _wakers = WaitsForStartUp || _cpu->NmiMasked ? start : start | ApicEvents.Nmi;
        if (sleeps) _accelerator.NoteSleep();
        _sleeps = sleeps;
    }

    /// <summary>A kick ends every wait; other requests are served when the vCPU goes on.</summary>
    /// <returns>False when the exit is filled in.</returns>
    private bool AnswerKick()
    {
        if (!_kicked) return true;
        _kicked = false;
        _exit.Value.Reason = VmExitReason.Interrupted;
        return false;
    }
}
