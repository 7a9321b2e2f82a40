using Vitrine.Kvm.Watch;

namespace Vitrine.KvmServer.Library;

/// <summary>The one watch over the host's own KVM in this process.</summary>
internal static class WatchedHost
{
    private static readonly Lazy<KvmWatch> s_watch = new(Create);

    /// <summary>The watch.</summary>
    public static KvmWatch Current => s_watch.Value;

    private static KvmWatch Create()
    {
        Observation observation = ServedHost.Observation;
        return new KvmWatch(observation.Observer ?? new NoObserver(), observation.Story, () => observation.IsOver, static defect => ServedHost.Report(defect));
    }

    // A file that could not be opened again: nothing is written, and the client is none the worse for it.
    private sealed class NoObserver : IKvmCallObserver
    {
        public void Begins(in KvmCall call)
        {
        }

        public void Ended(in KvmCall call, long result, long nanoseconds)
        {
        }
    }
}
