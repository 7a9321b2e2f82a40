namespace Vitrine.Accelerators.Software.Apic;

/// <summary>What comes beside vectors: NMIs, INIT and start-up IPIs. One word, changed with Interlocked only, because any thread leaves them.</summary>
internal sealed partial class LocalApic
{
    private int _events;

    /// <summary>Events that have come and weren't taken.</summary>
    public ApicEvents PendingEvents
    {
        get
        {
            if (Volatile.Read(ref _incoming) != 0)
                TakeIncoming();
            return (ApicEvents)Volatile.Read(ref _events);
        }
    }

    /// <summary>Takes an event that has come, if it has; of several, all that have. One NMI of two is taken by <see cref="TryTakeNmi"/>.</summary>
    public bool TryTake(ApicEvents which)
    {
        if ((Volatile.Read(ref _events) & (int)which) == 0)
            return false;
        return (Interlocked.And(ref _events, ~(int)which) & (int)which) != 0;
    }

    /// <summary>
    /// Takes INIT if it has come, else a start-up IPI. Both in one step: a start-up IPI that comes behind an INIT must stay for the
    /// processor that the INIT stops.
    /// </summary>
    /// <returns><see cref="ApicEvents.Init"/>, <see cref="ApicEvents.StartUp"/> or <see cref="ApicEvents.None"/>.</returns>
    public ApicEvents TakeStart()
    {
        const int Init = (int)ApicEvents.Init, StartUp = (int)ApicEvents.StartUp;
        int events = Volatile.Read(ref _events);
        while (true)
        {
            int taken = (events & Init) != 0 ? Init : events & StartUp;
            if (taken == 0)
                return ApicEvents.None;
            int seen = Interlocked.CompareExchange(ref _events, events & ~taken, events);
            if (seen == events)
                return (ApicEvents)taken;
            events = seen;
        }
    }

    /// <summary>Takes one NMI if one has come.</summary>
    public bool TryTakeNmi()
    {
        if ((PendingEvents & ApicEvents.Nmi) == 0)
            return false;
        int events = Volatile.Read(ref _events);
        while (true)
        {
            int taken = (events & (int)ApicEvents.SecondNmi) != 0 ? (int)ApicEvents.SecondNmi : (int)ApicEvents.Nmi;
            int seen = Interlocked.CompareExchange(ref _events, events & ~taken, events);
            if (seen == events)
                return true;
            events = seen;
        }
    }

    /// <summary>How many NMIs wait: of those that come before the first is taken two count, while one's handler runs one (6.7.1).</summary>
    /// <param name="masked">A handler runs: NMIs are blocked until its IRET.</param>
    public int PendingNmis(bool masked)
    {
        ApicEvents events = PendingEvents;
        if ((events & ApicEvents.Nmi) == 0)
            return 0;
        return masked || (events & ApicEvents.SecondNmi) == 0 ? 1 : 2;
    }

    /// <summary>The handler of an NMI ends. Of those that came while it ran one counts.</summary>
    public void EndNmi()
    {
        _ = PendingEvents;
        Interlocked.And(ref _events, ~(int)ApicEvents.SecondNmi);
    }

    /// <summary>A non-maskable interrupt from outside. Any thread.</summary>
    public void PostNmi()
    {
        LeaveNmi();
        Knock();
    }

    /// <summary>Lets at least so many NMIs wait: what a state that is put back knows of, beside those that came meanwhile.</summary>
    /// <param name="count">0 to 2; more count as 2.</param>
    public void RestoreNmis(int count)
    {
        if (count > 0)
            Interlocked.Or(ref _events, (int)(count == 1 ? ApicEvents.Nmi : ApicEvents.Nmis));
    }

    /// <summary>Lets INIT or a start-up IPI wait, or neither: what a state that is put back knows of.</summary>
    public void RestoreStart(bool init, bool startUp, byte vector)
    {
        _startUpVector = vector;
        Interlocked.And(ref _events, (int)ApicEvents.Nmis);
        Interlocked.Or(ref _events, (int)((init ? ApicEvents.Init : ApicEvents.None) | (startUp ? ApicEvents.StartUp : ApicEvents.None)));
    }

    /// <summary>Something has come that its processor has not looked at, or one of the given events has. Any thread.</summary>
    public bool HasNews(ApicEvents which) => Volatile.Read(ref _incoming) != 0 || (Volatile.Read(ref _events) & (int)which) != 0;

    private void LeaveNmi()
    {
        int events = Volatile.Read(ref _events);
        while (true)
        {
            int left = (int)((events & (int)ApicEvents.Nmi) != 0 ? ApicEvents.SecondNmi : ApicEvents.Nmi);
            int seen = Interlocked.CompareExchange(ref _events, events | left, events);
            if (seen == events)
                return;
            events = seen;
        }
    }

    /// <summary>INIT ends the wait that a start-up IPI before it was meant for.</summary>
    private void LeaveInit()
    {
        int events = Volatile.Read(ref _events);
        while (true)
        {
            int wanted = (events | (int)ApicEvents.Init) & ~(int)ApicEvents.StartUp;
            int seen = Interlocked.CompareExchange(ref _events, wanted, events);
            if (seen == events)
                return;
            events = seen;
        }
    }
}
