using System.Runtime.InteropServices;
using Iced.Intel;

namespace Vitrine.Tests.Differential;

/// <summary>Random cases on the host CPU and on the software CPU, until enough have been compared or something differs.</summary>
// SAFETY: outcomes are a native array of BatchSize elements, owned by the object.
internal sealed unsafe class DifferentialRun : IDisposable
{
    private const int MaxFindings = 20;
    private readonly ulong _seed;
    private readonly NativeOracle _oracle = new();
    private readonly CodeSelection _selection;
    private readonly Func<CaseRandom, CodeSelection, ICaseSource> _source;
    private readonly SoftwareGuest _guest;
    private readonly OracleOutcome* _outcomes;
    private readonly string?[] _ends = new string?[OracleLayout.BatchSize];
    private readonly Dictionary<string, int> _findings = [];
    private readonly LastCase? _last = LastCase.Create();

    /// <summary>Starts the native program and the guest.</summary>
    /// <param name="seed">Which cases.</param>
    /// <param name="selection">What is compared with the host.</param>
    /// <param name="source">What makes the cases of a batch.</param>
    public DifferentialRun(ulong seed, CodeSelection selection, Func<CaseRandom, CodeSelection, ICaseSource> source)
    {
        _seed = seed;
        _source = source;
        _selection = selection;
        _guest = new SoftwareGuest(selection);
        _outcomes = (OracleOutcome*)NativeMemory.AllocZeroed(OracleLayout.BatchSize, OracleLayout.OutcomeStride);
    }

    /// <summary>Cases may be in <see cref="LocalSegments"/>.</summary>
    public bool HasLocalTable => _oracle.HasLocalTable;

    /// <summary>Cases compared so far.</summary>
    public long Cases { get; private set; }

    /// <summary>Shrunk disagreements, one for each kind.</summary>
    public List<string> Reports { get; } = [];

    /// <summary>How often each kind of disagreement was met.</summary>
    public IReadOnlyDictionary<string, int> Findings => _findings;

    /// <summary>Compares batch after batch.</summary>
    /// <param name="cases">How many cases at least; 0 for no end.</param>
    public void Run(long cases)
    {
        for (ulong batch = 0; (cases == 0 || Cases < cases) && Reports.Count < MaxFindings; batch++) RunBatch(batch);
    }

    public void Dispose()
    {
        _last?.Dispose();
        _guest.Dispose();
        _oracle.Dispose();
        NativeMemory.Free(_outcomes);
    }

    private void RunBatch(ulong batch)
    {
        ICaseSource generator = _source(new CaseRandom((_seed * 0x1_0000_0001) + batch), _selection);
        generator.FillMemory(_oracle.Pristine);
        generator.FillMemory(_oracle.ReadOnly);
        for (int i = 0; i < OracleLayout.BatchSize; i++) generator.Create(i, _oracle.Case(i));
        Execute(OracleLayout.BatchSize);
        List<(OracleCase Test, List<string> Differences)> different = [];
        for (int i = 0; i < OracleLayout.BatchSize; i++)
        {
            List<string> differences = Compare(i);
            if (differences.Count > 0) different.Add((*_oracle.Case(i), differences));
        }

        Cases += OracleLayout.BatchSize;
        if (different.Count == 0) return;
        byte[] pristine = _oracle.Pristine.ToArray();
        foreach ((OracleCase test, List<string> differences) in different)
        {
            pristine.CopyTo(_oracle.Pristine);
            Report(test, differences, batch);
        }
    }

    private List<string> Compare(int index)
    {
        // A return address that was written to can lead back to the start, again and again.
        bool hangs = _oracle.Outcome(index)->Image.Vector == MachineImage.NeverEnds;
        return _ends[index] is { } end
            ? hangs && end == SoftwareGuest.Kicked ? [] : [$"the software CPU left with {end}"]
            : !hangs ? OutcomeComparison.Differences(_oracle.Case(index), _oracle.Outcome(index), _outcomes + index, _selection)
            : MayHang(index) ? [] : ["on the host it never ends"];
    }

    /// <summary>The host may have gone to code that is not the case's.</summary>
    private bool MayHang(int index)
    {
        OracleCase* test = _oracle.Case(index);
        List<Instruction> instructions = InstructionText.Decode(test->Instructions(), test->Image.Bitness, test->Image.Rip, _selection.Options);
        return instructions.Count == 1
            && VendorDifferences.IsFarCallToWideCode(instructions[0], ref _oracle.Outcome(index)->Image, ref (_outcomes + index)->Image);
    }

    private void Execute(int count)
    {
        for (int i = 0; i < count; i++) _oracle.Case(i)->CodeAddress = _oracle.Case(i)->Image.Rip + LocalSegments.BaseOf(_oracle.Case(i)->Image.CodeSelector);
        _oracle.Start(count);
        _guest.Begin(_oracle.ReadOnly);
        for (int i = 0; i < count; i++)
        {
            _last?.Write(i, _oracle.Case(i)->Instructions());
            _ends[i] = _guest.Run(_oracle.Case(i), _oracle.Pristine, _outcomes + i);
        }

        _oracle.Finish();
    }

    /// <summary>Executes one case alone.</summary>
    private List<string> Try(in OracleCase test)
    {
        *_oracle.Case(0) = test;
        Execute(1);
        return Compare(0);
    }

    private void Report(OracleCase test, List<string> met, ulong batch)
    {
        if (Reports.Count >= MaxFindings) return;
        if (_findings.ContainsKey(CaseText.Kind(ref test, met, _selection.Options)))
        {
            _findings[CaseText.Kind(ref test, met, _selection.Options)]++;
            return;
        }

        List<string> differences = Try(test);
        if (differences.Count == 0)
        {
            differences = [.. met, "but not when it ran again alone"];
        }
        else
        {
            CaseShrinker.Shrink(ref test, _oracle.Pristine, _selection.Options, candidate => Try(candidate).Count > 0);
            differences = Try(test);
        }

        // Of a sequence it is known only now what matters.
        string kind = CaseText.Kind(ref test, differences, _selection.Options);
        if (!_findings.TryAdd(kind, 1))
        {
            _findings[kind]++;
            return;
        }

        Reports.Add(CaseText.Describe(ref test, _oracle.Pristine, _oracle.Outcome(0), _outcomes, differences, _selection.Options) + $"(seed {_seed}, batch {batch})");
    }
}
