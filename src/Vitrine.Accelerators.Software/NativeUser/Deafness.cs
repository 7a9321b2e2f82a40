namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>
/// Whether a stub that was asked to stop doesn't hear: the guest's code can block signals, by a return from a handler that it makes up. A stub that hears stops within
/// microseconds of its own time; how long that is on a clock says nothing on a busy host.
/// </summary>
/// <param name="process">The stub.</param>
internal unsafe ref struct Deafness(int process)
{
    // SAFETY: the clock's time goes to this method's own variables.
    private const long Patience = 100_000_000;
    private const int LooksAsleep = 3;
    private long _begun = -1;
    private int _asleep;

    /// <summary>To be called now and then since it was asked.</summary>
    /// <returns>True when it has run for long since the first call, or sleeps and isn't to.</returns>
    public bool IsCertain()
    {
        long time = Time();
        if (_begun < 0) _begun = time;
        _asleep = Sleeps() ? _asleep + 1 : 0;
        return time - _begun > Patience || _asleep >= LooksAsleep;
    }

    private readonly long Time()
    {
        // The clock of another process's time (clock_getcpuclockid(3)).
        const int ProcessTime = 2;
        long* time = stackalloc long[2];
        return HostCalls.ReadClock((~process << 3) | ProcessTime, time) == 0 ? (time[0] * 1_000_000_000) + time[1] : 0;
    }

    private readonly bool Sleeps()
    {
        try
        {
            // "number (name) state ..." (proc(5)).
            ReadOnlySpan<char> line = File.ReadAllText($"/proc/{process}/stat");
            return line[(line.LastIndexOf(')') + 2)..].StartsWith("S");
        }
        catch (IOException)
        {
            return false;
        }
    }
}
