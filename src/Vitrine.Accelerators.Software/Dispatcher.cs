using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Engines;
using Vitrine.Accelerators.Software.Interpreter;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.Sharing;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Registers;

namespace Vitrine.Accelerators.Software;

/// <summary>The loop of a vCPU: chooses the engine, and does between its runs what events, faults, single steps and exits ask for.</summary>
internal sealed unsafe class Dispatcher
{
    // SAFETY: the state is that of the vCPU that owns this object, and outlives it; operations are those of its code finder. Only the vCPU's thread comes here.
    private readonly CpuState* _cpu;
    private readonly SoftMmu _mmu;
    private readonly GuestDebugging _debugging;
    private readonly CodeFinder _code;
    private readonly VcpuExit _exit;
    private readonly VcpuPresence _presence;
    private readonly VcpuActivity _activity;
    private readonly GuestEntry _entry;
    private readonly EventPump _events;
    private readonly InterpreterEngine _interpreter;
    private readonly Engine _engine;

    /// <summary>The dispatcher of a vCPU.</summary>
    /// <param name="processor">The processor.</param>
    /// <param name="code">Finds single instructions.</param>
    /// <param name="exit">The exit that it fills.</param>
    /// <param name="activity">What the vCPU waits for.</param>
    /// <param name="entry">Its way into the guest.</param>
    /// <param name="events">Looks at events.</param>
    /// <param name="interpreter">Executes what the engine can't run, and single instructions.</param>
    /// <param name="engine">The engine; may be the interpreter.</param>
    /// <param name="cpu">The state.</param>
    public Dispatcher(
        CpuState* cpu, Processor processor, CodeFinder code, VcpuExit exit, VcpuActivity activity, GuestEntry entry, EventPump events,
        InterpreterEngine interpreter, Engine engine)
    {
        _cpu = cpu;
        _mmu = processor.Mmu;
        _debugging = processor.Debugging;
        _presence = processor.Presence;
        _code = code;
        _exit = exit;
        _activity = activity;
        _entry = entry;
        _events = events;
        _interpreter = interpreter;
        _engine = engine;
    }

    private bool SingleStep => (_cpu->Mode & ExecutionMode.SingleStep) != 0;

    /// <summary>Runs the guest until the exit is filled in.</summary>
    public void Run()
    {
        // Accesses that user space has answered are part of an instruction that must finish before anything interrupts it.
        bool finishing = _exit.CompleteAccess();
        while (true)
        {
            if (!finishing)
            {
                if (_activity.WaitsForStartUp && (!_events.WaitForStartUp() || _events.LeaveForStep())) return;
                if (_activity.Halted && !_events.WaitForInterrupt()) return;
                if (_events.IsDue && !_events.Process()) return;
                if (_activity.WaitsForStartUp) continue;
            }

            if (_presence.Requests is not null) _entry.Attend();
            bool alive = DebugEvents.MustStep(_cpu) ? RunOne() && !_events.LeaveForStep() : RunBlocks(finishing);
            if (!alive) return;
            finishing = false;
        }
    }

    /// <summary>Runs blocks until something needs the dispatcher.</summary>
    /// <returns>False when the exit is filled in.</returns>
    private bool RunBlocks(bool finishing = false)
    {
        // Whatever loads CS comes back here before anything is looked up by RIP.
        if ((_cpu->Mode & ExecutionMode.Code64) == 0) _mmu.FollowCodeSegment();
        if (SingleStep || !_engine.TryRun(finishing)) _interpreter.TryRun(finishing);
        while (_cpu->Leave == LeaveReason.Alone) ExecuteAlone();
        return _cpu->Leave switch
        {
            LeaveReason.NextBlock => true,
            LeaveReason.Fault => DeliverFault(),
            LeaveReason.Halt => _activity.Halted = true,
            LeaveReason.DebugTrap => DeliverDebugTrap(),
            LeaveReason.Shutdown => _exit.ForShutdown(),
            LeaveReason.Stop => LeaveAtStop(),
            _ => false,
        };
    }

    /// <summary>Runs one instruction, with everything that single step, breakpoints and interrupt shadows ask for around it.</summary>
    /// <returns>False when the exit is filled in.</returns>
    private bool RunOne()
    {
        if (_cpu->HasStop && StopPoint.IsAt(_cpu, _code.LinearOf(_cpu->Rip))) return LeaveAtStop();

        // The end of the one-instruction block must come back here.
        _presence.AskForAttention();
        if (SingleStep && !DebugEvents.GuestMustStep(_cpu)) return RunBlocks();
        ulong flags = _cpu->SystemFlags;
        uint shadow = _cpu->InterruptShadow;
        ulong pending = _cpu->PendingDebug;
        if (DebugEvents.IsTrapWaiting(_cpu) || DebugEvents.HasInstructionBreakpoint(_cpu, _code.LinearOf(_cpu->Rip))) return DeliverDebugTrap();
        _cpu->InterruptShadow = 0;

        // Where an engine leaves single instructions to the interpreter, they are kept.
        Op* op = _cpu->Translates && CpuModes.IsTranslated(_cpu->Mode) ? _code.FindOne() : _code.FindSingle();
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
                _activity.Halted = halt && !trap;
                return !trap || DeliverDebugTrap();
            case LeaveReason.Fault:
                DebugEvents.Discard(_cpu, pending);
                return DeliverFault();
            case LeaveReason.Exit:
                // A bus access: the same instruction runs again, under the same shadow.
                _cpu->InterruptShadow = shadow;
                DebugEvents.Discard(_cpu, pending);
                return false;
            case LeaveReason.DebugTrap:
                return DeliverDebugTrap();
            default:
                return _exit.ForShutdown();
        }
    }

    /// <summary>Runs operations until one leaves; an instruction that has to be alone runs so.</summary>
    private void Execute(Op* op)
    {
        _interpreter.Follow(op);
        while (_cpu->Leave == LeaveReason.Alone) ExecuteAlone();
    }

    private void ExecuteAlone()
    {
        _entry.EnterAlone();
        try
        {
            _entry.AnswerRequests();

            // The end of the one-instruction block must come back here.
            _presence.AskForAttention();
            Op* op = _code.FindSingle();
            if (op != null) _interpreter.Follow(op);
        }
        finally
        {
            _presence.LeaveAlone();
        }
    }

    private bool DeliverFault()
    {
        // The faulting instruction was not counted: without this the handler's first one would find its accesses in the log.
        _cpu->Replay.Count = 0;
        return InterruptDelivery.DeliverException(_cpu) || _exit.ForShutdown();
    }

    private bool LeaveAtStop()
    {
        _exit.ForDebug(ExceptionVector.DB, _cpu->StopAddress, Dr6.Fixed1, _cpu->Dr7);

        // Looks at events come before whatever runs next.
        _presence.AskForAttention();
        return false;
    }

    private bool DeliverDebugTrap()
    {
        if (!_debugging.TakesDebugExceptions) return InterruptDelivery.DeliverDebugTrap(_cpu) || _exit.ForShutdown();
        _exit.ForDebug(ExceptionVector.DB, _code.LinearOf(_cpu->Rip), _debugging.TakeReason(), _cpu->Dr7);
        return false;
    }
}
