using System.Diagnostics;
using System.Globalization;
using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Mmu;
using Vitrine.Explain.Execution;
using Vitrine.Explain.Fetch;
using Vitrine.Explain.Model;
using Vitrine.Explain.State;
using Vitrine.Explain.Symbols;
using Vitrine.X86.Cpuid;
using Vitrine.X86.State;

namespace Vitrine.Explain;

/// <summary>Steps a machine that stands and tells each instruction on the way that is to be told.</summary>
internal sealed class InstructionTeller(VirtualMachine machine, StoryRequest request, KernelPlacement? placement)
{
    private readonly ProcessorLimits _processor = ProcessorLimits.From([.. machine.GetCpuid(0)]);
    private readonly uint _signature = new CpuidTable([.. machine.GetCpuid(0)]).Signature;
    private readonly List<InstructionStory> _told = [];
    private readonly long _started = Stopwatch.GetTimestamp();
    private ulong _executed;

    /// <summary>The instructions told so far.</summary>
    public IReadOnlyList<InstructionStory> Told => _told;

    /// <summary>Steps as far as the request says.</summary>
    public StoryEnd Tell()
    {
        StoryEnd? end = TellNext();
        if (request.Until is { } address) return end ?? TellUntil(address);
        if (request.UntilExit) return end ?? TellUntilExit();
        while (end is null && _executed < request.Instructions) end = TellNext();
        return end ?? End("instructions", _executed == 1 ? "The first instruction has been executed." : $"{_executed} instructions have been executed, as asked for.");
    }

    private StoryEnd TellUntil(ulong address)
    {
        if (SegmentExplanation.Of(machine.ReadState(0)).Linear != address)
        {
            StepReport report = machine.RunUntil(address, timeout: TimeLeft());
            _executed += report.Steps;
            if (report.Outcome != StepOutcome.Reached) return Stopped(report, $"Linear address {Text.Hex.Of(address)} was not reached.");
        }

        return TellNext() ?? End("address", $"The instruction at linear address {Text.Hex.Of(address)} has been executed.");
    }

    private StoryEnd TellUntilExit()
    {
        const string Told = "The instruction that caused the first exit has been executed.";
        if (_told[^1].Execution is { Exits.Count: > 0 }) return End("exit", Told);
        StepReport report = machine.StepUntilExit(out ProcessorState before, timeout: TimeLeft());
        _executed += report.Steps;
        if (report.Exits.Count == 0) return Stopped(report, "No exit came.");

        // It has been executed, so what the MMU and memory held before it can't be shown any more.
        FetchStory fetch = FetchExplanation.Of(machine, before, _processor, out Instruction? instruction);
        if (fetch.Translation is { } translation) fetch = fetch with { Translation = translation with { Mmu = null } };
        ProcessorState after = machine.ReadState(0);
        _told.Add(new InstructionStory(_executed, fetch, ExecutionOf(before, instruction, after, [], report)) { Symbols = SymbolsOf(fetch, instruction, before, after) });
        return report.Outcome == StepOutcome.Reached ? End("exit", Told) : Stopped(report, Told);
    }

    /// <summary>Tells and executes the next instruction.</summary>
    /// <returns>Null when the story may go on.</returns>
    private StoryEnd? TellNext()
    {
        ProcessorState before = machine.ReadState(0);
        FetchStory fetch = FetchExplanation.Of(machine, before, _processor, out Instruction? instruction);
        IMmuInspection? mmu = machine.GetMmu(0);
        MmuCounters counters = mmu?.Counters ?? default;
        MemoryWatch? watch = instruction is { } decoded ? new MemoryWatch(decoded, before, new MachineMemory(machine.Memory), _processor) : null;
        StepReport report = machine.Step(timeout: TimeLeft());
        _executed += report.Steps;
        if (mmu is not null && fetch.Translation is { Mmu: { } look } translation && report.Outcome != StepOutcome.Reset)
        {
            fetch = fetch with { Translation = translation with { Mmu = SoftwareMmuExplanation.After(look, mmu, translation, counters) } };
        }

        ProcessorState after = machine.ReadState(0);
        ExecutionStory execution = ExecutionOf(before, instruction, after, watch?.Changes() ?? [], report);
        ulong number = Math.Max((ulong)_told.Count + 1, _executed);
        _told.Add(new InstructionStory(number, fetch, execution) { Symbols = SymbolsOf(fetch, instruction, before, after) });
        return report.Outcome == StepOutcome.Stepped ? null : Stopped(report, "");
    }

    private ExecutionStory ExecutionOf(
        ProcessorState before, Instruction? instruction, ProcessorState after, IReadOnlyList<MemoryChange> memory, StepReport report) => new(
            [.. StateDifference.Between(before, after).Where(change => !change.IsClock).Select(Facts.Of)],
            memory,
            [.. report.Exits.Select(exit => new ExitFact(exit.Description, Handler(exit)))],
            Outcome(before, instruction, after, report));

    private IReadOnlyList<SymbolFact> SymbolsOf(FetchStory fetch, Instruction? instruction, ProcessorState before, ProcessorState after) => placement is null
        ? []
        : InstructionSymbols.Of(placement, fetch.Segment.Linear, instruction, before, after, SegmentExplanation.Of(after).Linear);

    private static string Outcome(ProcessorState before, Instruction? instruction, ProcessorState after, StepReport report)
    {
        switch (report.Outcome)
        {
            case StepOutcome.Ended: return FirstLine(report.End!.Report);
            case StepOutcome.Reset: return "The guest asked for a reset: the machine begins anew.";
            case StepOutcome.TimedOut: return "The time was over first.";
        }

        return InstructionOutcome.Of(before, instruction, after);
    }

    private StoryEnd Stopped(StepReport report, string what) => report.Outcome switch
    {
        StepOutcome.Ended => End("guest", Join(what, FirstLine(report.End!.Report))),
        StepOutcome.Reset => End("guest", Join(what, "The guest asked for a reset.")),
        StepOutcome.TimedOut => End(
            "timeout",
            Join(what, string.Create(CultureInfo.InvariantCulture, $"The time of {request.Timeout!.Value.Ticks / (decimal)TimeSpan.TicksPerSecond:0.#######} s was over, after {_executed} instructions. This is the state so far."))),
        _ => End("instructions", what),
    };

    private StoryEnd End(string reason, string text) => new(reason, text, _executed)
    {
        Registers = StateExplanation.Registers(machine.ReadState(0), _signature, beforeFirst: false),
    };

    private TimeSpan? TimeLeft() => request.Timeout is not { } all
        ? null
        : TimeSpan.FromTicks(Math.Max(TimeSpan.TicksPerMillisecond, (all - Stopwatch.GetElapsedTime(_started)).Ticks));

    private static string Handler(StepExit exit) => exit.Handler ?? exit.Reason switch
    {
        VmExitReason.PortIo or VmExitReason.Mmio => "nobody: it reads as all ones, and what is written is lost",
        VmExitReason.Msr => "nobody: it reads as zero, and what is written is lost",
        VmExitReason.Halt => "the run loop, which waits for an interrupt",
        VmExitReason.SystemEvent => "the run loop, which does what the guest asks for",
        _ => "the run loop, which ends the machine",
    };

    private static string FirstLine(string text) => text.Split('\n', 2)[0].TrimEnd();

    private static string Join(string first, string second) => first.Length == 0 ? second : $"{first} {second}";
}
