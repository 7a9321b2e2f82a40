using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Tests.Differential;

namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>Random sequences, each step compared with what the architecture permits, until there were enough or something is wrong.</summary>
internal sealed class StressRun : IDisposable
{
    private const int MaxFindings = 5;
    private readonly ulong _seed;
    private readonly StressMachine _machine;
    private readonly ModelMemory _memory;
    private readonly TranslationModel _model;
    private readonly StressOracle _oracle;

    public StressRun(MmuMode mode, SoftwareEngine engine, ulong seed)
    {
        _seed = seed;
        _machine = new StressMachine(mode, engine);
        _memory = new ModelMemory(_machine.Memory);
        _model = new TranslationModel(_memory);
        _oracle = new StressOracle(_memory, _model);
    }

    /// <summary>Sequences so far.</summary>
    public long Sequences { get; private set; }

    /// <summary>Steps executed, and how they ended: by a page fault, or at a device.</summary>
    public long Steps { get; private set; }

    public long Faults { get; private set; }

    public long BusAccesses { get; private set; }

    /// <summary>Steps that were not executed because they might have touched the harness.</summary>
    public long Skipped { get; private set; }

    /// <summary>Shrunk sequences that failed.</summary>
    public List<string> Reports { get; } = [];

    /// <summary>Runs sequence after sequence.</summary>
    /// <param name="sequences">How many; 0 for no end.</param>
    public void Run(long sequences)
    {
        for (ulong number = 0; (sequences == 0 || Sequences < sequences) && Reports.Count < MaxFindings; number++) RunOne(number);
    }

    public void Dispose() => _machine.Dispose();

    private void RunOne(ulong number)
    {
        CaseRandom random = new((_seed * 0x1_0000_0001) + number);
        StressGenerator generator = new(random);
        StressCase test = generator.Create();
        StepGenerator steps = new(random, generator, _memory, _model);
        Begin(test);
        steps.Begin(test);
        int count = 12 + random.Below(24);
        string? failure = null;
        for (int i = 0; i < count && failure is null; i++)
        {
            StressStep step = steps.Next();
            if (!_oracle.IsSafe(step))
            {
                Skipped++;
                continue;
            }

            test.Steps.Add(step);
            failure = Execute(step);
        }

        Sequences++;
        if (failure is not null) Report(test, failure, number);
    }

    private void Begin(StressCase test)
    {
        _machine.Begin(test);
        _memory.Begin(test.Pool);
        _model.Begin(test);
    }

    private string? Execute(in StressStep step)
    {
        StressResult result = _machine.Execute(step);
        Steps++;
        if (result.Vector != StressResult.NoFault) Faults++;
        if (result.Bus.Count > 0) BusAccesses++;
        return _oracle.Check(step, result, _machine.Pool);
    }

    /// <summary>Executes a whole sequence; steps that are no longer safe are left out.</summary>
    /// <returns>What is wrong with the last step executed, and how many there were; null when nothing is.</returns>
    private (string Failure, int Steps)? Replay(StressCase test)
    {
        Begin(test);
        for (int i = 0; i < test.Steps.Count; i++)
        {
            if (!_oracle.IsSafe(test.Steps[i])) continue;
            if (Execute(test.Steps[i]) is { } failure) return (failure, i + 1);
        }

        return null;
    }

    private void Report(StressCase test, string failure, ulong number)
    {
        if (Replay(test) is null)
        {
            Reports.Add($"{StressText.Describe(test)}{failure}\nbut not when it ran again alone (seed {_seed}, sequence {number})\n");
            return;
        }

        StressCase shrunk = StressShrinker.Shrink(test, candidate => Replay(candidate)?.Steps);
        string last = Replay(shrunk)?.Failure ?? failure;
        Reports.Add($"{StressText.Describe(shrunk)}{last}\n(seed {_seed}, sequence {number})\n");
    }
}
