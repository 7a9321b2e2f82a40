using System.Diagnostics;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Engines;
using Vitrine.Accelerators.Software.Interpreter;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Statistics;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>
/// Lets the host's processor run the guest's user code as it is, in stub processes, where that pays; everything else, and all of ring 0, is another engine's. Whatever the
/// processor can't do there stops the stub with a signal: an access to a page that isn't mapped, a system call, an exception, an instruction that is kept from it. Then
/// the page is mapped as the MMU allows, or the one instruction is interpreted.
/// </summary>
internal sealed unsafe class NativeUserEngine : Engine
{
    // SAFETY: the state is that of the vCPU that owns this object; what comes from a stub is checked by StubProcess.
    private const uint UserLevel = 3;

    // Bits of a page fault's error code.
    private const uint WriteError = 2;
    private const uint FetchError = 16;

    // Stubs that end before they run anything: one more, and the host won't have them.
    private const int MostRestarts = 3;

    private readonly CpuState* _cpu;
    private readonly SoftMmu _mmu;
    private readonly CodeFinder _code;
    private readonly Engine _other;
    private readonly Func<MemoryObjects> _memory;
    private readonly GuestRegisters _registers;
    private readonly UserPolicy _policy;
    private readonly NativeSpaces _spaces;
    private ulong _missed;
    private int _restarts;

    /// <summary>The engine of a vCPU.</summary>
    /// <param name="cpu">The state.</param>
    /// <param name="mmu">The MMU.</param>
    /// <param name="code">Finds the instructions that are interpreted.</param>
    /// <param name="other">Runs everything else. This object owns it.</param>
    /// <param name="memory">Gives the machine's memory, whose slots must be memory objects.</param>
    /// <param name="policy">Decides which programs run natively.</param>
    public NativeUserEngine(CpuState* cpu, SoftMmu mmu, CodeFinder code, Engine other, Func<MemoryObjects> memory, UserPolicy policy)
    {
        _cpu = cpu;
        _mmu = mmu;
        _code = code;
        _other = other;
        _memory = memory;
        _registers = new GuestRegisters(cpu, mmu);
        _policy = policy;
        _spaces = new NativeSpaces(mmu, FollowSpace);
    }

    /// <inheritdoc/>
    public override string Name => _other.Name;

    /// <inheritdoc/>
    public override ulong UncountedInstructions => _other.UncountedInstructions;

    /// <inheritdoc/>
    public override bool NeedsAlarm => true;

    /// <inheritdoc/>
    public override long Patience => _policy.IsUndecided ? UserPolicy.LookNanoseconds : long.MaxValue;

    /// <inheritdoc/>
    public override bool IsLarge => _other.IsLarge;

    /// <summary>What it has done.</summary>
    public NativeCounters Counters => _policy.Counters;

    /// <summary>The stubs.</summary>
    public NativeSpaces Spaces => _spaces;

    /// <summary>The same for users.</summary>
    public NativeStatistics Statistics => new()
    {
        Refused = _spaces.Refused,
        Stubs = _spaces.Started,
        Mappings = _spaces.Mapped,
        Dropped = _spaces.Dropped,
        Stops = Counters.Stops,
        Kicks = Counters.Kicks,
        SystemCalls = Counters.SystemCalls,
        Fills = Counters.Fills,
        Interpreted = Counters.Interpreted,
        Withheld = Counters.Withheld,
        Promotions = Counters.Promotions,
        Demotions = Counters.Demotions,
        Lost = Counters.Lost,
    };

    /// <inheritdoc/>
    public override bool TryRun(bool finishing) =>
        (_cpu->NativeWanted != 0 && !finishing && !_cpu->HasStop && CanRun() && TryRunNatively()) || RunTranslated(finishing);

    /// <inheritdoc/>
    public override void Dispose()
    {
        _spaces.Dispose();
        _other.Dispose();
    }

    private void FollowSpace() => Want(_policy.FollowSpace(_mmu.Space));

    private void Want(bool native) => _cpu->NativeWanted = native ? 1u : 0;

    private bool RunTranslated(bool finishing)
    {
        bool ran = _other.TryRun(finishing);
        if (_cpu->NativeWanted == 0 && _cpu->Cpl == UserLevel && _cpu->Leave == LeaveReason.NextBlock) Want(_policy.NoteTranslated());
        return ran;
    }

    /// <summary>The host would execute the guest's user code as the guest's processor does.</summary>
    private bool CanRun()
    {
        const ExecutionMode Traps = ExecutionMode.FpuTrap | ExecutionMode.SseTrap | ExecutionMode.SingleStep;
        const ExecutionMode Needed = ExecutionMode.Code64 | ExecutionMode.User;
        const ulong DataBreakpoints = 0xFF;
        return (_cpu->Mode & (Traps | Needed)) == Needed && (_cpu->SystemFlags & (GuestRegisters.UnusualFlags | Rflags.IF)) == Rflags.IF &&
            _cpu->Segments[Seg.Cs].Selector == GuestRegisters.CodeSelector && _cpu->Segments[Seg.Ss].Selector == GuestRegisters.StackSelector &&
            (_cpu->Segments[Seg.Ds].Selector | _cpu->Segments[Seg.Es].Selector | _cpu->Segments[Seg.Fs].Selector | _cpu->Segments[Seg.Gs].Selector) == 0 &&
            (_cpu->Cr4 & Cr4.PKE) == 0 && (_cpu->Cr3 & Cr3.Masking) == 0 && (_cpu->Dr7 & DataBreakpoints) == 0 && !DebugEvents.MustStep(_cpu) &&
            Canonical.Is(_cpu->Rip) && Canonical.Is(_cpu->Segments[Seg.Fs].Base) && Canonical.Is(_cpu->Segments[Seg.Gs].Base);
    }

    /// <summary>Runs user code until something needs the dispatcher.</summary>
    /// <returns>False when it can't; nothing has been done.</returns>
    private bool TryRunNatively()
    {
        StubSpace? space = _spaces.Present(_memory);
        if (space is null)
        {
            _policy.GiveUp();
            Want(false);
            return false;
        }

        byte* context = space.Failed ? null : space.Stub.Frame();
        if (context == null)
        {
            _spaces.Drop(space);
            return false;
        }

        MapMissed(space);
        if (space.Failed)
        {
            _spaces.Drop(space);
            return false;
        }

        _registers.Load(space.Stub, context);
        while (RunOnce(space))
        {
        }

        return true;
    }

    /// <summary>Lets a stub run until it stops, and answers why.</summary>
    /// <returns>True when it can go on.</returns>
    private bool RunOnce(StubSpace space)
    {
        StubProcess stub = space.Stub;
        StubTurn turn = StubTurn.Done;

        // Who sets PollAt looks whether there is somebody to be stopped, and this comes the other way round.
        Interlocked.Exchange(ref _cpu->NativeThread, (uint)stub.Id);
        bool due = Volatile.Read(ref _cpu->PollAt) == 0;
        long start = Stopwatch.GetTimestamp();
        if (!due) turn = stub.TakeTurn(StubAction.Run, &_cpu->PollAt);
        Volatile.Write(ref _cpu->NativeThread, 0);
        byte* context = turn == StubTurn.Ended && stub.HasRun ? null : stub.Frame();
        if (context == null) return Lose(space);
        if (turn == StubTurn.Ended) return Restart(space, context);
        if (due || turn == StubTurn.Refused)
        {
            if (turn == StubTurn.Refused)
            {
                Counters.Refused++;
                space.Clear();
            }

            _registers.Save(stub, context);
            return Leave(space, LeaveReason.NextBlock);
        }

        _restarts = 0;
        Counters.Stops++;
        bool pays = !_policy.NoteTurn(Stopwatch.GetTimestamp() - start) || _policy.Judge(space.MeasureHandover(), stub.CallsMade);
        return stub.Signal == HostCalls.SIGSEGV && SignalFrame.Vector(context) == ExceptionVector.PF
            ? AnswerMiss(space, context, pays)
            : AnswerSignal(space, context, stub.Signal, pays);
    }

    private bool AnswerMiss(StubSpace space, byte* context, bool pays)
    {
        MapOutcome outcome = Map(space, context);
        if (space.Failed) return Restart(space, context);
        if (outcome == MapOutcome.Mapped && pays && space.Stub.Selectors == 0 && SignalFrame.IsOrdinary(context)) return true;
        byte vector = _cpu->FaultVector;
        uint error = _cpu->FaultErrorCode;
        _registers.Save(space.Stub, context);
        if (!_registers.TryFollowSegments(context)) return Leave(space, LeaveReason.Fault);
        switch (outcome)
        {
            case MapOutcome.Mapped:
                return Leave(space, LeaveReason.NextBlock);
            case MapOutcome.Fault:
                _missed = _cpu->Cr2;
                _cpu->SetFault(vector, error);
                return Leave(space, LeaveReason.Fault);
            case var _ when (SignalFrame.ErrorCode(context) & FetchError) != 0:
                // The page's code is not for the host's processor.
                Counters.Withheld++;
                Want(_policy.IsNative);
                RunTranslated(finishing: false);
                return false;
            default:
                return Interpret(space, context, pays);
        }
    }

    private bool AnswerSignal(StubSpace space, byte* context, int signal, bool pays)
    {
        _registers.Save(space.Stub, context);
        if (!_registers.TryFollowSegments(context)) return Leave(space, LeaveReason.Fault);
        switch (signal)
        {
            case HostCalls.SIGUSR1:
                Counters.Kicks++;
                return Leave(space, LeaveReason.NextBlock);
            case HostCalls.SIGSYS:
                Counters.SystemCalls++;
                _registers.StepBackToCall(context);
                break;
            case HostCalls.SIGILL when SignalFrame.IsProbeCall(context):
                Counters.SystemCalls++;
                _registers.StepBackToProbeCall();
                break;
            case HostCalls.SIGTRAP when SignalFrame.Vector(context) == ExceptionVector.DB && space.Breakpoints.Contains(_cpu->Rip):
                break;
            case HostCalls.SIGTRAP when SignalFrame.Vector(context) == ExceptionVector.DB && (_cpu->SystemFlags & Rflags.TF) != 0 && !_registers.IsBehindInt1():
                // The instruction has run; its trap comes before the next one.
                _cpu->PendingDebug |= Dr6.BS;
                return Leave(space, LeaveReason.NextBlock);
            case HostCalls.SIGTRAP:
            case HostCalls.SIGSEGV when SignalFrame.Vector(context) == ExceptionVector.OF:
                _registers.StepBackToTrap(context);
                break;
        }

        return Interpret(space, context, pays);
    }

    /// <summary>Executes one instruction in the stub's place.</summary>
    /// <param name="space">The stub.</param>
    /// <param name="context">Its frame.</param>
    /// <param name="pays">It should go on, if it can.</param>
    /// <returns>True when it goes on.</returns>
    private bool Interpret(StubSpace space, byte* context, bool pays)
    {
        Counters.Interpreted++;
        Op* op = _code.FindOne();
        if (op != null) SingleOperation.Execute(_cpu, op);
        if (pays && _cpu->Leave == LeaveReason.NextBlock && CanRun() && space.Space == _mmu.Space && !space.Failed)
        {
            _registers.Load(space.Stub, context);
            return true;
        }

        if (space.Space == _mmu.Space) Want(_policy.IsNative);
        return false;
    }

    private bool Leave(StubSpace space, LeaveReason reason)
    {
        Want(_policy.IsNative);
        _cpu->Leave = reason;
        return false;
    }

    /// <summary>The stub has ended while it stood, as with the thread that had started it, or the host refuses it mappings: the program goes on in another one.</summary>
    private bool Restart(StubSpace space, byte* context)
    {
        _registers.Save(space.Stub, context);
        bool followed = _registers.TryFollowSegments(context);
        _spaces.Drop(space);
        if (++_restarts > MostRestarts)
        {
            _policy.GiveUp();
            Want(false);
        }

        _cpu->Leave = followed ? LeaveReason.NextBlock : LeaveReason.Fault;
        return false;
    }

    /// <summary>The stub is gone, with the registers: the program that was in it gets a general-protection fault where it was seen last.</summary>
    private bool Lose(StubSpace space)
    {
        Counters.Lost++;
        _spaces.Drop(space);
        _policy.Forbid();
        Want(false);
        _cpu->SetFault(ExceptionVector.GP, 0);
        return false;
    }

    /// <summary>Maps what an access has missed.</summary>
    private MapOutcome Map(StubSpace space, byte* context)
    {
        ulong linear = SignalFrame.FaultAddress(context);
        uint error = SignalFrame.ErrorCode(context);
        bool fetch = (error & FetchError) != 0;
        PageAccess access = (error & WriteError) != 0 ? PageAccess.Write : fetch ? PageAccess.Fetch : PageAccess.Read;
        MapOutcome outcome = _mmu.TryMapForUser(linear, access, out UserMapping mapping);
        if (outcome != MapOutcome.Mapped) return outcome;
        Counters.Fills++;
        return space.Space == _mmu.Space && space.TryMap(_mmu, linear, in mapping, fetch) ? MapOutcome.Mapped : MapOutcome.Unsuited;
    }

    /// <summary>Maps the page that the guest's kernel was asked for, which the program is about to access again.</summary>
    private void MapMissed(StubSpace space)
    {
        ulong linear = _missed;
        _missed = 0;
        if (linear != 0 && _mmu.TryPeekForUser(linear, out UserMapping mapping)) space.TryMap(_mmu, linear, in mapping, fetch: false);
    }
}
