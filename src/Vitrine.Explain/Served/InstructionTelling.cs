using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Observation;
using Vitrine.Explain.Execution;
using Vitrine.Explain.Fetch;
using Vitrine.Explain.Model;
using Vitrine.Explain.Symbols;
using Vitrine.KvmServer.Watch;
using Vitrine.X86;
using Vitrine.X86.State;

namespace Vitrine.Explain.Served;

/// <summary>One instruction of a served vCPU, from the look before it to the look behind it.</summary>
internal sealed class InstructionTelling
{
    private const string Client = "the client, to which KVM_RUN returns";
    private const string Server = "the server itself: its interrupt controllers, its timer, or an event descriptor of the client's";

    private readonly WatchedVcpu _vcpu;
    private readonly ulong _number;
    private readonly KernelPlacement? _placement;
    private readonly ProcessorState _before;
    private readonly FetchStory _fetch;
    private readonly Instruction? _instruction;
    private readonly MmuCounters _counters;
    private readonly MemoryWatch? _watch;
    private readonly List<ExitFact> _exits = [];

    /// <summary>Looks at the instruction that comes next.</summary>
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="number">The instruction's number, from 1.</param>
    /// <param name="placement">Names addresses; null for none.</param>
    public InstructionTelling(WatchedVcpu vcpu, ulong number, KernelPlacement? placement)
    {
        (_vcpu, _number, _placement) = (vcpu, number, placement);
        _before = new ProcessorState();
        vcpu.GetState(_before);
        ServedMemory memory = new(vcpu);
        ProcessorLimits processor = ProcessorLimits.From([.. vcpu.Cpuid]);
        _fetch = FetchExplanation.Of(
            memory,
            Translated,
            _before,
            processor,
            out _instruction);
        _counters = vcpu.Mmu?.Counters ?? default;
        if (_instruction is { } instruction) _watch = new MemoryWatch(instruction, _before, memory, processor);
    }

    /// <summary>The registers before it.</summary>
    public ProcessorState Before => _before;

    /// <summary>It needs somebody outside the guest.</summary>
    public void Leaves(ref VmExit exit) => _exits.Add(new ExitFact(ExitText.Of(ref exit), Server));

    /// <summary>That is the client.</summary>
    public void Returns()
    {
        if (_exits.Count > 0) _exits[^1] = _exits[^1] with { Handler = Client };
    }

    /// <summary>It is done.</summary>
    public InstructionStory Finish()
    {
        ProcessorState after = new();
        _vcpu.GetState(after);
        return Tell(after, InstructionOutcome.Of(_before, _instruction, after));
    }

    /// <summary>It is not done, and nothing more will be seen of it.</summary>
    public InstructionStory GiveUp()
    {
        // Whoever has the vCPU may be in the guest for ever.
        ProcessorState now = new();
        string outcome = _exits.Count > 0 ? "It was not finished before the client ended." : "It was not begun before the client ended.";
        if (_vcpu.TryGetState(now)) return Tell(now, outcome);
        return new InstructionStory(_number, _fetch, new ExecutionStory([], [], [.. _exits], outcome));
    }

    private TranslationStory Translated(TranslationStory story)
    {
        if (_vcpu.Mmu is { } mmu) return story with { Mmu = SoftwareMmuExplanation.Before(mmu, story) };
        return _vcpu.TryTranslate(story.Linear, out Gpa? answer) ? AcceleratorTranslation.AddKvm(story, answer, isFetch: true) : story;
    }

    private InstructionStory Tell(ProcessorState after, string outcome)
    {
        FetchStory fetch = _fetch;
        if (_vcpu.Mmu is { } mmu && fetch.Translation is { Mmu: { } look } translation)
        {
            fetch = fetch with { Translation = translation with { Mmu = SoftwareMmuExplanation.After(look, mmu, translation, _counters) } };
        }

        ExecutionStory execution = new(
            [.. StateDifference.Between(_before, after).Where(static change => !change.IsClock).Select(Facts.Of)],
            _watch?.Changes() ?? [],
            [.. _exits],
            outcome);
        return new InstructionStory(_number, fetch, execution)
        {
            Symbols = _placement is null ? [] : InstructionSymbols.Of(_placement, fetch.Segment.Linear, _instruction, _before, after, SegmentExplanation.Of(after).Linear),
        };
    }
}
