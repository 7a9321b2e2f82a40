namespace Vitrine.KvmServer.Trace;

/// <summary>Several observers, who hear of a call in order, and of its end in the opposite one.</summary>
/// <param name="all">They.</param>
public sealed class CallObservers(IReadOnlyList<IKvmCallObserver> all) : IKvmCallObserver
{
    /// <inheritdoc/>
    public void Begins(in KvmCall call)
    {
        for (int i = 0; i < all.Count; i++) all[i].Begins(call);
    }

    /// <inheritdoc/>
    public void Ended(in KvmCall call, long result, long nanoseconds)
    {
        for (int i = all.Count - 1; i >= 0; i--) all[i].Ended(call, result, nanoseconds);
    }
}
