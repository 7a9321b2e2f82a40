using System.Diagnostics;

namespace Vitrine.Accelerators.Observation;

/// <summary>One call while it is being made: begins with its creation, and ends, also with an exception, when it is disposed.</summary>
internal sealed class ObservedCall : IDisposable
{
    private readonly CallLog _log;
    private readonly string _target;
    private readonly string _name;
    private readonly long _started;
    private string _result = "failed";

    /// <summary>Begins a call.</summary>
    public ObservedCall(CallLog log, string target, string name)
    {
        (_log, _target, _name) = (log, target, name);
        Number = log.Begin();
        _started = Stopwatch.GetTimestamp();
    }

    /// <summary>Its number in the log.</summary>
    public int Number { get; }

    /// <summary>Its arguments.</summary>
    public CallArguments Arguments { get; } = new();

    /// <summary>It has come back. Without this it counts as failed.</summary>
    public void Succeeded(string result = "done") => _result = result;

    /// <inheritdoc/>
    public void Dispose() => _log.End(Number, _target, _name, Arguments.Items, _result, _started);
}
