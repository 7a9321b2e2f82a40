using System.Diagnostics;
using System.Globalization;
using System.Text;
using Vitrine.Accelerators.Observation;
using Vitrine.Kvm.Abi;
using Vitrine.Kvm.Trace;
using Vitrine.KvmServer.Native;

namespace Vitrine.KvmServer.Trace;

/// <summary>
/// Writes each call of the client as a line: seconds since the first open of /dev/kvm, the thread as the kernel numbers it, what the call was made on, its name and its
/// arguments, its result, and how long it took.
/// </summary>
public sealed class CallTrace : IKvmCallObserver, IDisposable
{
    [ThreadStatic]
    private static int s_thread;

    [ThreadStatic]
    private static Stack<IoctlCall>? s_begun;

    private readonly LineFile _file;
    private readonly long _start = Stopwatch.GetTimestamp();

    private CallTrace(LineFile file)
    {
        _file = file;
        _file.Add(string.Create(
            CultureInfo.InvariantCulture,
            $"# process {Environment.ProcessId} ({Path.GetFileName(Environment.ProcessPath)}): seconds, thread, descriptor, call(arguments) = result <duration>"));
    }

    /// <summary>Begins a trace; lines that the file has stay.</summary>
    /// <param name="path">The file.</param>
    /// <returns>Null when it can't be opened.</returns>
    public static CallTrace? Open(string path) => LineFile.Open(path) is { } file ? new CallTrace(file) : null;

    /// <inheritdoc/>
    public void Begins(in KvmCall call)
    {
        (s_begun ??= new Stack<IoctlCall>()).Push(CallWords.Note(call));
    }

    /// <inheritdoc/>
    public void Ended(in KvmCall call, long result, long nanoseconds)
    {
        // A call that had begun before the trace has no line.
        if (s_begun is not { Count: > 0 }) return;
        IoctlCall begun = s_begun.Pop();
        CallArguments arguments = new();
        string text = IoctlDecoder.Decode(begun, result, arguments);
        StringBuilder line = new();
        if (s_thread == 0) s_thread = Libc.ThreadId();
        double seconds = Math.Max(0, Stopwatch.GetElapsedTime(_start).TotalSeconds - (nanoseconds / 1e9));
        line.Append(CultureInfo.InvariantCulture, $"{seconds,12:0.000000} {s_thread,7} {CallWords.Target(call),-9} {KvmIoctlName.Of(call.Kind, call.Request)}(");
        for (int i = 0; i < arguments.Items.Count; i++)
        {
            if (i > 0) line.Append(", ");
            line.Append(arguments.Items[i].Key).Append('=').Append(arguments.Items[i].Value);
        }

        line.Append(CultureInfo.InvariantCulture, $") = {text} <{nanoseconds / 1e3:0.0} µs>");
        foreach (ReadOnlyMemory<char> chunk in line.GetChunks())
        {
            // One chunk is the rule: a line is short.
            if (chunk.Length == line.Length)
            {
                _file.Add(chunk.Span);
                return;
            }
        }

        _file.Add(line.ToString());
    }

    /// <summary>Adds what went wrong in the server itself.</summary>
    /// <param name="defect">One line.</param>
    public void Add(string defect)
    {
        _file.Add($"# defect: {defect}");
        _file.Flush();
    }

    /// <summary>Hands on what waits: the process may be about to end.</summary>
    public void Flush() => _file.Flush();

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
