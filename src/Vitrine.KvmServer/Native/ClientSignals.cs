namespace Vitrine.KvmServer.Native;

/// <summary>
/// While it lasts, threads that are started here get none of the client's signals: one that is sent to the process must reach a thread of
/// the client's, which may wait for it with sigwait or a signalfd and have it blocked everywhere.
/// </summary>
internal readonly ref struct ClientSignals : IDisposable
{
    // What a thread of ours may raise itself (SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS), and what the runtime stops its threads
    // with.
    private static readonly int[] s_needed = [4, 5, 7, 8, 11, 31, 34, 63];

    private readonly Libc.SignalSet _old;

    private ClientSignals(Libc.SignalSet old) => _old = old;

    /// <summary>Begins it, on the thread that starts others.</summary>
    public static ClientSignals KeptAway()
    {
        Libc.SignalSet mask = new() { Signals = ulong.MaxValue };
        foreach (int signal in s_needed) mask.Signals &= ~(1UL << (signal - 1));
        Libc.SetSignalMask(mask, out Libc.SignalSet old);
        return new ClientSignals(old);
    }

    /// <summary>Ends it: the thread's own mask is as before.</summary>
    public void Dispose() => Libc.SetSignalMask(_old, out _);
}
