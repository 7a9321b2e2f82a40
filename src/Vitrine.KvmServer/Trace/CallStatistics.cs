using System.Collections.Concurrent;
using System.Globalization;
using Vitrine.Accelerators.Statistics;
using Vitrine.Kvm.Abi;

namespace Vitrine.KvmServer.Trace;

/// <summary>Counts the client's calls, and why KVM_RUN came back, with the time that each took.</summary>
public sealed unsafe class CallStatistics : IKvmCallObserver
{
    // SAFETY: for the whole type: the exit's reason is one word in the vCPU's pages, which live as long as the call.
    private readonly ConcurrentDictionary<(KvmDescriptorKind Kind, uint Request), Total> _calls = new();
    private readonly ConcurrentDictionary<string, Total> _exits = new();

    /// <inheritdoc/>
    public void Begins(in KvmCall call)
    {
    }

    /// <inheritdoc/>
    public void Ended(in KvmCall call, long result, long nanoseconds)
    {
        _calls.GetOrAdd((call.Kind, call.Request), static _ => new Total()).Add(result, nanoseconds);
        if (call.Request != KvmIoctl.KVM_RUN || call.Kind != KvmDescriptorKind.Vcpu) return;
        string reason = result < 0 ? Errno.Name((int)-result)
            : call.Pages == 0 ? "not known"
            : KvmExitName.Of(((kvm_run*)call.Pages)->exit_reason);
        _exits.GetOrAdd(reason, static _ => new Total()).Add(result, nanoseconds);
    }

    /// <summary>Writes tables: calls, exits, and what each vCPU has done.</summary>
    /// <param name="vcpus">What the vCPUs have done, each under its name.</param>
    public string Write(IEnumerable<KeyValuePair<string, CpuStatistics>> vcpus)
    {
        ArgumentNullException.ThrowIfNull(vcpus);
        StringWriter output = new(CultureInfo.InvariantCulture) { NewLine = "\n" };
        WriteTable(output, "Calls of the client", _calls.Select(static call => (KvmIoctlName.Of(call.Key.Kind, call.Key.Request), call.Value)));
        output.WriteLine();
        WriteTable(output, "Why KVM_RUN came back", _exits.Select(static exit => (exit.Key, exit.Value)));
        foreach ((string name, CpuStatistics statistics) in vcpus)
        {
            output.WriteLine();
            output.WriteLine(name);
            output.Write(StatisticsText.Of(statistics));
        }

        return output.ToString();
    }

    private static void WriteTable(StringWriter output, string title, IEnumerable<(string Name, Total Total)> rows)
    {
        output.WriteLine($"{title,-36}{"count",12}{"errors",10}{"total ms",12}{"mean µs",12}");
        foreach ((string name, Total total) in rows.OrderByDescending(static row => row.Total.Nanoseconds).ThenBy(static row => row.Name, StringComparer.Ordinal))
        {
            double mean = total.Nanoseconds / 1e3 / Math.Max(1, total.Count);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {name,-34}{total.Count,12:N0}{total.Errors,10:N0}{total.Nanoseconds / 1e6,12:N1}{mean,12:N1}"));
        }
    }

    private sealed class Total
    {
        private long _count;
        private long _errors;
        private long _nanoseconds;

        public long Count => Volatile.Read(ref _count);

        public long Errors => Volatile.Read(ref _errors);

        public long Nanoseconds => Volatile.Read(ref _nanoseconds);

        public void Add(long result, long nanoseconds)
        {
            Interlocked.Increment(ref _count);
            if (result < 0) Interlocked.Increment(ref _errors);
            Interlocked.Add(ref _nanoseconds, nanoseconds);
        }
    }
}
