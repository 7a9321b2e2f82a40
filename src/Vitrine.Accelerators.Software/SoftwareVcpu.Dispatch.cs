using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Registers;

namespace Vitrine.Accelerators.Software;

/// <content>The loop between blocks, single steps, faults and exits.</content>
internal sealed unsafe partial class SoftwareVcpu
{
    // SAFETY: as in the main part: the state, blocks and buffers are this object's native allocations, and only the vCPU's thread comes here.
    private void RunUntilExit()
    {
        // Accesses that user space has answered are part of an instruction that must finish before anything interrupts it.
        bool finishing = _exit.CompleteAccess();
        while (true)
        {
            if (!finishing)
            {
                if (WaitsForStartUp && !WaitForStartUp()) return;
                if (_halted && !WaitForInterrupt()) return;
                if ((_cpu->Instructions >= _cpu->PollAt || (InterruptWaits && InterruptsEnabled)) && !ProcessEvents()) return;
                if (WaitsForStartUp) continue;
            }

            finishing = false;
            if (_presence.Requests is not null) Attend();
            else if (_presence.HasNotices) FollowWrites();
            bool alive = NeedsSteps() ? RunOne() && !LeaveForStep() : RunBlocks();
            if (!alive) return;
        }
    }

    private bool InterruptWaits
    {
        get => _cpu->InterruptWaits != 0;
        set => _cpu->InterruptWaits = value ? 1u : 0;
    }

    private bool InterruptsEnabled => (_cpu->SystemFlags & Rflags.IF) != 0;

    /// <summary>Runs blocks until something needs the dispatcher.</summary>
    /// <returns>False when the exit is filled in.</returns>
    private bool RunBlocks()
    {
        // Whatever loads CS comes back here before anything is looked up by RIP.
        if ((_cpu->Mode & ExecutionMode.Code64) == 0) _mmu.FollowCodeSegment();
        if (Translates && ModeIsTranslated && !SingleStep)
        {
            RunTranslated();
            if (_cpu->Leave == LeaveReason.Alone) ExecuteAlone();
        }
        else
        {
            Op* op = _code.Find(_cpu->Rip);
            if (op != null) Execute(op);
        }

        return _cpu->Leave switch
        {
            LeaveReason.NextBlock => true,
            LeaveReason.Fault => DeliverFault(),
            LeaveReason.Halt => _halted = true,
            LeaveReason.DebugTrap => InterruptDelivery.DeliverDebugTrap(_cpu) || ShutDown(),
            LeaveReason.Shutdown => ShutDown(),
            _ => false,
        };
    }

    /// <summary>Runs one instruction, with everything that single step, breakpoints and interrupt shadows ask for around it.</summary>
    /// <returns>False when the exit is filled in.</returns>
    private bool RunOne()
    {
        // The end of the one-instruction block must come back here.
        Volatile.Write(ref _cpu->PollAt, 0);
        if (SingleStep && !GuestNeedsSteps()) return RunBlocks();
        ulong flags = _cpu->SystemFlags;
        uint shadow = _cpu->InterruptShadow;
        ulong pending = _cpu->PendingDebug;
        if (DebugEvents.IsTrapWaiting(_cpu) || DebugEvents.HasInstructionBreakpoint(_cpu, LinearRip()))
            return InterruptDelivery.DeliverDebugTrap(_cpu) || ShutDown();
        _cpu->InterruptShadow = 0;
        Op* op = Translates && ModeIsTranslated ? _code.FindOne() : _code.FindSingle();
        if (op != null) Execute(op);

        // Of consecutive loads of SS only the first casts a shadow, or a row of them would keep everything away.
        _cpu->InterruptShadow &= ~shadow;
        switch (_cpu->Leave)
        {
            case LeaveReason.NextBlock:
            case LeaveReason.Halt:
                bool halt = _cpu->Leave == LeaveReason.Halt;
                bool trap = DebugEvents.IsTrapDue(_cpu, flags);

                // A debug trap behind HLT ends the wait before it began.
                _halted = halt && !trap;
                return !trap || InterruptDelivery.DeliverDebugTrap(_cpu) || ShutDown();
            case LeaveReason.Fault:
                DebugEvents.Discard(_cpu, pending);
                return DeliverFault();
            case LeaveReason.Exit:
                // A bus access: the same instruction runs again, under the same shadow.
                _cpu->InterruptShadow = shadow;
                DebugEvents.Discard(_cpu, pending);
                return false;
            case LeaveReason.DebugTrap:
                return InterruptDelivery.DeliverDebugTrap(_cpu) || ShutDown();
            default:
                return ShutDown();
        }
    }

    private bool DeliverFault()
    {
        // The faulting instruction was not counted: without this the handler's first one would find its accesses in the log.
        _cpu->Replay.Count = 0;
        return InterruptDelivery.DeliverException(_cpu) || ShutDown();
    }

    private void Follow(Op* op)
    {
        _cpu->BlockRip = _cpu->Rip;
        do
        {
            op = op->Handler(_cpu, op);
        }
        while (op != null);
    }

    private bool NeedsSteps() => SingleStep || GuestNeedsSteps();

    private bool GuestNeedsSteps()
    {
        if (_cpu->InterruptShadow != 0 || _cpu->PendingDebug != 0) return true;
        if (!DebugEvents.NeedsStepping(_cpu)) return false;

        // RF alone only holds back instruction breakpoints: without any it may as well go now.
        if ((_cpu->SystemFlags & Rflags.TF) != 0 || (_cpu->Dr7 & Dr7.EnableMask) != 0) return true;
        _cpu->SystemFlags &= ~Rflags.RF;
        return false;
    }

    /// <summary>An instruction has completed, or an event was delivered: that is a step, if steps are wanted.</summary>
    /// <returns>True when the exit is filled in.</returns>
    private bool LeaveForStep()
    {
        if (!SingleStep) return false;
        _exit.Value.Reason = VmExitReason.Debug;
        _exit.Value.Address = LinearRip();
        _exit.Value.Detail = 0;

        // The look at events that this one was, or cut short, comes before whatever runs next.
        Volatile.Write(ref _cpu->PollAt, 0);
        return true;
    }

    private bool ShutDown()
    {
        _exit.Value.Reason = VmExitReason.Shutdown;
        return false;
    }

    private ulong LinearRip() => _code.LinearOf(_cpu->Rip);
}
