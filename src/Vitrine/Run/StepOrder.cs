using System.Runtime.ExceptionServices;
using Vitrine.Accelerators;
using Vitrine.X86.State;

namespace Vitrine.Run;

/// <summary>How far a vCPU is to step, and what came of it. Filled in on the vCPU's thread, read when that is back at the gate.</summary>
internal sealed class StepOrder
{
    private readonly List<StepExit> _exits = [];
    private bool _stepEnded;
    private bool _isRunning;
    private ulong _executedBefore;

    /// <summary>Linear address at which to stop; null for none.</summary>
    public ulong? Address { get; init; }

    /// <summary>Behind the first step, run on to <see cref="Address"/> at full speed where the accelerator can.</summary>
    public bool Runs { get; init; }

    /// <summary>What has to hold for a stop; null for none.</summary>
    public Func<ProcessorState, bool>? Condition { get; init; }

    /// <summary>
    /// Stop behind the first step that caused an exit; receives the registers before that step, which are copied behind every step for it.
    /// Null: exits don't stop.
    /// </summary>
    public ProcessorState? BeforeExit { get; init; }

    /// <summary>How many steps at most.</summary>
    public required ulong MaxSteps { get; init; }

    /// <summary>Set by any thread, with a kick, when the time is over.</summary>
    public volatile bool Cancelled;

    /// <summary>How it went; null until the vCPU is back.</summary>
    public StepOutcome? Outcome { get; set; }

    /// <summary>What the condition threw; null when it didn't.</summary>
    public ExceptionDispatchInfo? Failure { get; private set; }

    /// <summary>Steps made.</summary>
    public ulong Steps { get; private set; }

    /// <summary>Exits to devices and others that an instruction caused, all steps together.</summary>
    public ulong ExitCount { get; private set; }

    /// <summary>The vCPU is about to make the first step.</summary>
    public void Begins(Vcpu vcpu)
    {
        _executedBefore = vcpu.Accelerated.Inspection.InstructionsExecuted;
        Keep(vcpu);
    }

    /// <summary>The vCPU runs on at full speed from here: its steps are told by what it counts.</summary>
    public void BeginsToRun() => _isRunning = true;

    /// <summary>The vCPU is back.</summary>
    public void Ends(Vcpu vcpu)
    {
        if (_isRunning) Steps = Math.Max(Steps, vcpu.Accelerated.Inspection.InstructionsExecuted - _executedBefore);
    }

    /// <summary>Notes an exit, once it is handled. The exits of the last step are kept.</summary>
    public void Note(ref VmExit exit, MachineBus bus)
    {
        if (_stepEnded) _exits.Clear();
        _stepEnded = _isRunning;
        ExitCount++;
        if (_isRunning) return;
        _exits.Add(StepExit.From(ref exit, bus));
    }

    /// <summary>A step is over.</summary>
    /// <returns>True when the order is carried out.</returns>
    public bool StepEnds(ref VmExit exit, Vcpu vcpu)
    {
        Steps++;
        if (_stepEnded && _exits.Count > 0) _exits.Clear();
        _stepEnded = true;
        if (BeforeExit is not null && _exits.Count > 0) Outcome = StepOutcome.Reached;
        else Keep(vcpu);
        if (Outcome is not null) return true;
        if (Address is { } address && exit.Address == address) Outcome = StepOutcome.Reached;
        else if (Condition is not null && Holds(vcpu)) Outcome = StepOutcome.Reached;
        else if (Steps >= MaxSteps) Outcome = StepOutcome.Stepped;
        return Outcome is not null;
    }

    /// <summary>What came of it.</summary>
    public StepReport Report(VmEnd? end) => new(end is null ? Outcome ?? StepOutcome.TimedOut : StepOutcome.Ended, Steps, ExitCount, [.. _exits], end);

    private void Keep(Vcpu vcpu)
    {
        if (BeforeExit is null) return;
        vcpu.Refresh();
        BeforeExit.CopyFrom(vcpu.State);
    }

    private bool Holds(Vcpu vcpu)
    {
        vcpu.Refresh();
        try
        {
            return Condition!(vcpu.State);
        }
        catch (Exception error)
        {
            // It is the caller's, not the machine's.
            Failure = ExceptionDispatchInfo.Capture(error);
            return true;
        }
    }
}
