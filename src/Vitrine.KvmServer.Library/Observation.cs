using System.Globalization;
using System.Text;
using Vitrine.Accelerators.Statistics;
using Vitrine.Errors;
using Vitrine.Explain;
using Vitrine.Explain.Model;
using Vitrine.Explain.Symbols;
using Vitrine.KvmServer.Trace;

namespace Vitrine.KvmServer.Library;

/// <summary>What is written down of this process, as the environment asks; nothing by default, and then nothing of it is paid for.</summary>
internal sealed class Observation
{
    private const string TraceVariable = "VITRINE_KVM_TRACE";
    private const string StatisticsVariable = "VITRINE_KVM_STATS";
    private const string StoryVariable = "VITRINE_KVM_EXPLAIN";
    private const string InstructionsVariable = "VITRINE_KVM_INSTRUCTIONS";
    private const string ViewVariable = "VITRINE_KVM_STORY_VIEW";
    private const string SymbolsVariable = "VITRINE_KVM_SYMBOLS";
    private const string FormVariable = "VITRINE_KVM_STORY_FORM";
    private const string Standard = "-";
    private const int StandardOutput = 1;
    private const int StandardError = 2;

    private readonly string? _statisticsPath;
    private readonly string? _storyPath;
    private readonly string? _form;
    private readonly StoryView _view;
    private int _isShown;
    private readonly CallStatistics? _statistics;

    /// <summary>Begins what is asked for.</summary>
    /// <param name="read">Reads a variable; null where it isn't set.</param>
    /// <param name="model">Name of the CPU model.</param>
    public Observation(Func<string, string?> read, string model)
    {
        List<IKvmCallObserver> observers = [];
        if (read(TraceVariable) is { } trace && CallTrace.Open(trace) is { } opened)
        {
            Trace = opened;
            observers.Add(opened);
        }

        _statisticsPath = read(StatisticsVariable);
        if (_statisticsPath is not null) observers.Add(_statistics = new CallStatistics());
        _storyPath = read(StoryVariable);
        _form = read(FormVariable);
        _view = StoryView.Parse(read(ViewVariable));
        if (_storyPath is not null) observers.Add(Story = new ServedStoryRecorder(ReadInstructions(read(InstructionsVariable)), model, ReadSymbols(read(SymbolsVariable)), Tell));
        Observer = observers.Count switch
        {
            0 => null,
            1 => observers[0],
            _ => new CallObservers(observers),
        };
    }

    /// <summary>The trace; null for none.</summary>
    public CallTrace? Trace { get; }

    /// <summary>Who tells the story; null for none.</summary>
    public ServedStoryRecorder? Story { get; }

    /// <summary>Who hears of calls; null for nobody.</summary>
    public IKvmCallObserver? Observer { get; }

    /// <summary>Nothing more will be written.</summary>
    public bool IsOver => Trace is null && _statistics is null && Story is null or { IsOver: true };

    /// <summary>What costs time to count is counted.</summary>
    public bool Counts => _statistics is not null;

    /// <summary>Writes what has to be written at the end.</summary>
    /// <param name="vcpus">What the vCPUs have done.</param>
    public void End(IEnumerable<KeyValuePair<string, CpuStatistics>> vcpus)
    {
        Story?.End();
        if (_statistics is not null && Open(_statisticsPath!, StandardError) is { } file)
        {
            foreach (string line in _statistics.Write(vcpus).TrimEnd('\n').Split('\n')) file.Add(line);
            file.Dispose();
        }

        Trace?.Flush();
    }

    // The command has checked it.
    private static ulong ReadInstructions(string? text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong count) && count is >= 1 and <= StoryRequest.MostTold ? count : 1;

    // As with the story's file, the command has read it once.
    private static SymbolTable? ReadSymbols(string? path)
    {
        try
        {
            return path is null ? null : SymbolTable.Read(path);
        }
        catch (VitrineException)
        {
            return null;
        }
    }

    private static LineFile? Open(string path, int standard) => path == Standard ? LineFile.OpenDuplicate(standard) : LineFile.Open(path);

    private void Tell(Story story)
    {
        if (_storyPath == Standard)
        {
            Show(story);
            return;
        }

        try
        {
            StoryFile.Write(story, _storyPath!, _view, _form);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The command has tried the file; the console is the client's.
            Trace?.Add(error.Message);
        }
    }

    // Standard output takes nothing back: it gets the story once, when nothing more will come.
    private void Show(Story story)
    {
        if (!Story!.IsOver || Interlocked.Exchange(ref _isShown, 1) != 0 || Open(Standard, StandardOutput) is not { } output) return;
        using MemoryStream text = new();
        StoryFile.Write(story, text, _view, _form ?? "");
        foreach (string line in Encoding.UTF8.GetString(text.GetBuffer(), 0, (int)text.Length).TrimEnd('\n').Split('\n')) output.Add(line);
        output.Dispose();
    }
}
