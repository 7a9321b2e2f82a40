namespace Vitrine.Run;

/// <summary>
/// Where vCPU threads wait while the machine is not running: before its start, while it is held, during a reset, after
/// its end. Whoever closes the gate kicks the vCPUs, so that they come.
/// </summary>
/// <param name="vcpus">How many vCPU threads there are.</param>
/// <param name="reset">Resets the machine. Called by the last vCPU to arrive, when all others wait.</param>
internal sealed class VcpuGate(int vcpus, Action reset)
{
    private readonly object _sync = new();
    private volatile bool _open;
    private bool _held = true;
    private bool _resetting;
    private bool _ended;
    private int _waiting;

    /// <summary>True while vCPUs are to run. Read by every run loop.</summary>
    public bool IsOpen => _open;

    /// <summary>Waits until the gate is open. On a vCPU's thread.</summary>
    /// <returns>False when the machine has ended.</returns>
    public bool Pass()
    {
        lock (_sync)
        {
            _waiting++;
            if (_resetting && _waiting == vcpus && !_ended)
            {
                reset();
                _resetting = false;
                Update();
            }

            Monitor.PulseAll(_sync);
            while (!_open && !_ended) Monitor.Wait(_sync);
            _waiting--;
            return !_ended;
        }
    }

    /// <summary>Closes the gate until <see cref="Release"/>.</summary>
    public void Hold()
    {
        lock (_sync)
        {
            _held = true;
            Update();
        }
    }

    /// <summary>Ends a hold.</summary>
    public void Release()
    {
        lock (_sync)
        {
            _held = false;
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
            while (_held && (_waiting < vcpus || _resetting) && !_ended) Monitor.Wait(_sync);
            return _held && !_ended;
        }
    }

    private void Update()
    {
        _open = !_held && !_resetting && !_ended;
        Monitor.PulseAll(_sync);
    }
}
