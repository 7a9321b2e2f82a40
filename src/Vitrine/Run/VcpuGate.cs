namespace Vitrine.Run;

/// <summary>
/// Where vCPU threads wait while the machine is not running: before its start, while it is held, during a reset, after
/// its end. Whoever closes the gate kicks the vCPUs, so that they come.
/// </summary>
/// <param name="vcpus">How many vCPU threads there are.</param>
/// <param name="reset">Resets the machine. Called by the last vCPU to arrive, when all others wait, or leave because the machine has ended meanwhile.</param>
/// <param name="settle">
/// Puts a vCPU, by its number, into the state of the reset. Done by each on its own thread before any runs: what one sends another must not be taken for
/// something from before the reset.
/// </param>
/// <param name="standing">
/// Told true when all vCPUs have come to a gate that is held, and false before the first goes on. All stand, and the gate's lock is held, while it is called.
/// Null for nobody.
/// </param>
internal sealed class VcpuGate(int vcpus, Action reset, Action<int> settle, Action<bool>? standing = null)
{
    private readonly object _sync = new();
    private readonly Action?[] _errands = new Action?[vcpus];
    private volatile bool _open;
    private bool _held = true;
    private bool _resetting;
    private bool _settling;

    // Nothing has run before the first release.
    private bool _standing = true;
    private volatile bool _ended;
    private int _waiting;
    private int _posted;

    /// <summary>True while vCPUs are to run. Read by every run loop.</summary>
    public bool IsOpen => _open;

    /// <summary>True when the machine has ended.</summary>
    public bool HasEnded => _ended;

    /// <summary>Waits until the gate is open, or there is an errand. On a vCPU's thread.</summary>
    /// <param name="vcpu">Number of the vCPU.</param>
    /// <param name="errand">What to do before coming back here; null: run.</param>
    /// <returns>False when the machine has ended.</returns>
    public bool Pass(int vcpu, out Action? errand)
    {
        lock (_sync)
        {
            _waiting++;
            if (_resetting && _waiting == vcpus && _posted == 0 && !_ended) GoOnWithReset();
            NoteIfStanding();
            Monitor.PulseAll(_sync);
            while (!_open && !_ended && _errands[vcpu] is null) Monitor.Wait(_sync);
            _waiting--;
            errand = _errands[vcpu];
            if (errand is not null) _posted--;
            _errands[vcpu] = null;
            return !_ended;
        }
    }

    /// <summary>
    /// Sends a vCPU that stands at the closed gate on an errand, which its own thread has to do, and waits until it is done and all
    /// vCPUs stand at the gate again. Not on a vCPU's thread.
    /// </summary>
    /// <param name="vcpu">Number of the vCPU.</param>
    /// <param name="errand">What it is to do.</param>
    /// <param name="runs">The vCPU will execute instructions: the machine doesn't stand still meanwhile.</param>
    /// <returns>False when the machine runs, or has ended before the errand was done.</returns>
    public bool Send(int vcpu, Action errand, bool runs = false)
    {
        lock (_sync)
        {
            if (!WaitUntilHeld()) return false;
            if (runs) NoteStanding(false);
            bool done = false;
            _posted++;
            _errands[vcpu] = () =>
            {
                try
                {
                    errand();
                }
                finally
                {
                    lock (_sync)
                    {
                        done = true;
                        Monitor.PulseAll(_sync);
                    }
                }
            };
            Monitor.PulseAll(_sync);
            while (!done && !_ended) Monitor.Wait(_sync);
            WaitUntilHeld();
            return done;
        }
    }

    /// <summary>Closes the gate until <see cref="Release"/>.</summary>
    public void Hold()
    {
        lock (_sync)
        {
            _held = true;

            // After a release that was so short that no vCPU has left, none comes to the gate again.
            NoteIfStanding();
            Update();
        }
    }

    /// <summary>Ends a hold.</summary>
    public void Release()
    {
        lock (_sync)
        {
            _held = false;
            NoteStanding(false);
            Update();
        }
    }

    /// <summary>Closes the gate until all vCPUs have come and the machine is reset.</summary>
    public void Reset()
    {
        lock (_sync)
        {
            _resetting = true;
            Update();
        }
    }

    /// <summary>Closes the gate for good.</summary>
    public void End()
    {
        lock (_sync)
        {
            _ended = true;
            Update();
        }
    }

    /// <summary>Waits until every vCPU stands at the gate that <see cref="Hold"/> has closed.</summary>
    /// <returns>False when the machine has ended instead, or another thread has released it.</returns>
    public bool WaitUntilHeld()
    {
        lock (_sync)
        {
            while (_held && (_waiting < vcpus || _posted > 0 || _resetting) && !_ended) Monitor.Wait(_sync);
            return _held && !_ended;
        }
    }

    private void GoOnWithReset()
    {
        if (_settling)
        {
            _resetting = _settling = false;
            Update();
            return;
        }

        // Without the lock: a reset waits for work of devices, and what does that work may want to end the machine. All vCPUs wait here meanwhile.
        Monitor.Exit(_sync);
        try
        {
            reset();
        }
        finally
        {
            Monitor.Enter(_sync);
        }

        if (_ended) return;
        _settling = true;
        _posted = vcpus;
        for (int i = 0; i < vcpus; i++)
        {
            int vcpu = i;
            _errands[i] = () => settle(vcpu);
        }
    }

    private void NoteIfStanding()
    {
        if (_held && _waiting == vcpus && _posted == 0 && !_resetting && !_ended) NoteStanding(true);
    }

    private void NoteStanding(bool stand)
    {
        if (_standing == stand) return;
        _standing = stand;
        standing?.Invoke(stand);
    }

    private void Update()
    {
        _open = !_held && !_resetting && !_ended;
        Monitor.PulseAll(_sync);
    }
}
