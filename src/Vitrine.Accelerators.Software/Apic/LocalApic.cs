using System.Runtime.CompilerServices;

namespace Vitrine.Accelerators.Software.Apic;

/// <summary>
/// The local APIC of one vCPU (SDM vol. 3, chapter 11 "Advanced Programmable Interrupt Controller"), in xAPIC and x2APIC mode.
/// This part: requests, priorities, acknowledgement. Events beside vectors, registers and state are in the other parts.
/// </summary>
/// <remarks>
/// It belongs to its vCPU's thread. Other threads only leave things at the door: <see cref="Post"/>,
/// <see cref="PostNmi"/> and <see cref="SetLine"/>; these call the wake action, and the vCPU fetches what came when it next asks. After each access of its own the vCPU must ask again: for a vector, an event,
/// an EOI to broadcast, and the next deadline.
/// </remarks>
internal sealed partial class LocalApic
{
    private const uint LvtMasked = 1u << 16;
    private const uint LvtLevelTriggered = 1u << 15;
    private const uint LvtRemoteIrr = 1u << 14;
    private const uint SvrEnable = 1u << 8;

    /// <summary>Lowest vector that an APIC delivers.</summary>
    private const int FirstVector = 16;

    private readonly uint _id;
    private readonly bool _bootstrap;
    private readonly bool _x2ApicSupported;
    private readonly IApicClock _clock;
    private readonly Action? _wake;
    private readonly IInterruptBus? _bus;
    private readonly ApicTimer _timer;

    private VectorSet _irr;
    private VectorSet _isr;
    private VectorSet _tmr;
    private VectorSet _eoiBroadcasts;

    // What other threads left: changed with Interlocked only.
    private VectorSet _incomingEdge;
    private VectorSet _incomingLevel;
    private int _incoming;
    private int _lines;
    private int _risenLines;
    private int _risenAgain;
    private volatile byte _startUpVector;

    // The vector that would be delivered now; -1 when none.
    private int _deliverable = -1;

    /// <summary>Creates the APIC in its state after RESET.</summary>
    /// <param name="id">APIC id; 0 is the bootstrap processor.</param>
    /// <param name="clock">The time.</param>
    /// <param name="wake">Called by other threads after they left something; must be thread-safe.</param>
    /// <param name="bus">The way to the other processors; null when there are none.</param>
    /// <param name="x2ApicSupported">CPUID announces x2APIC.</param>
    public LocalApic(uint id, IApicClock clock, Action? wake = null, IInterruptBus? bus = null, bool x2ApicSupported = true)
    {
        _id = id;
        _bootstrap = id == 0;
        _clock = clock;
        _wake = wake;
        _bus = bus;
        _x2ApicSupported = x2ApicSupported;
        _timer = new ApicTimer(clock);
        Reset();
    }

    /// <summary>APIC id.</summary>
    public uint Id => _id;

    /// <summary>The page of the latest start-up IPI, valid with <see cref="ApicEvents.StartUp"/>.</summary>
    public byte StartUpVector
    {
        get => _startUpVector;
        set => _startUpVector = value;
    }

    /// <summary>It is enabled in both ways that vectors need. Any thread.</summary>
    public bool AcceptsVectors => (Volatile.Read(ref _apicBase) & ApicBaseEnable) != 0 && (Volatile.Read(ref _svr) & SvrEnable) != 0;

    /// <summary>What decides who takes an interrupt in lowest-priority mode: bits 7:4 of the task priority (11.6.2.4). Any thread.</summary>
    public uint ArbitrationPriority => Volatile.Read(ref _tpr) >> 4;

    /// <summary>When <see cref="Advance"/> has something to do, in guest nanoseconds; <see cref="long.MaxValue"/> when never.</summary>
    public long NextDeadline => (_lvt[LvtTimer] & LvtMasked) != 0 ? long.MaxValue : _timer.Deadline;

    /// <summary>
    /// The 8259 requests an interrupt on LINT0 and the APIC lets it through: it isn't enabled, or LINT0 is unmasked in
    /// delivery mode ExtINT. Its vector comes from the 8259, and nothing here changes by taking it.
    /// </summary>
    public bool HasExternalInterrupt => (Volatile.Read(ref _lines) & 1) != 0 && LetsExternalThrough;

    /// <summary>It isn't enabled, or LINT0 is unmasked in delivery mode ExtINT.</summary>
    public bool LetsExternalThrough => !IsEnabled || (_lvt[LvtLint0] & (LvtMasked | (7u << 8))) == (uint)DeliveryMode.ExtInt << 8;

    /// <summary>Whether a vector waits whose priority is above the processor's.</summary>
    /// <param name="vector">The vector.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool HasDeliverableInterrupt(out byte vector)
    {
        if (Volatile.Read(ref _incoming) != 0)
            TakeIncoming();
        vector = (byte)_deliverable;
        return _deliverable >= 0;
    }

    /// <summary>
    /// The processor takes the vector of <see cref="HasDeliverableInterrupt"/>: it goes from the request to the in-service
    /// register. When there is none any more, the spurious vector, for which no EOI is due (11.9 "Spurious Interrupt").
    /// </summary>
    public byte Acknowledge()
    {
        if (!HasDeliverableInterrupt(out byte vector))
            return (byte)_svr;
        _irr.Remove(vector);
        _isr.Add(vector);
        UpdateDeliverable();
        return vector;
    }

    /// <summary>
    /// A level-triggered vector whose EOI the IOAPICs must be told (11.8.5 "Signaling Interrupt Servicing Completion").
    /// To be asked after each write to the APIC until it says false.
    /// </summary>
    public bool TryTakeEoiBroadcast(out byte vector)
    {
        int highest = _eoiBroadcasts.Highest;
        vector = (byte)highest;
        if (highest < 0)
            return false;
        _eoiBroadcasts.Remove(highest);
        return true;
    }

    /// <summary>Lets the timer expire if its time has come.</summary>
    /// <param name="now">Guest time in nanoseconds.</param>
    public void Advance(long now)
    {
        if (_timer.Advance(now))
            RaiseLocal(LvtTimer);
    }

    /// <summary>The guest has changed the time-stamp counter.</summary>
    public void OnTscChanged() => _timer.OnTscChanged();

    /// <summary>Whether a command from elsewhere is for this APIC (11.6.2 "Determining IPI Destination"). Any thread.</summary>
    public bool IsDestination(in InterruptCommand command)
    {
        uint destination = command.Destination;
        ulong apicBase = Volatile.Read(ref _apicBase);
        bool x2Apic = (apicBase & ApicBaseExtended) != 0;
        if ((apicBase & ApicBaseEnable) == 0)
            return false;
        if (command.Shorthand is InterruptCommand.ToAll or InterruptCommand.ToOthers || destination == InterruptCommand.Broadcast)
            return true;
        if (!command.Logical)
            return destination == _id;
        if (x2Apic)
            return destination >> 16 == X2ApicLdr >> 16 && (destination & X2ApicLdr & 0xFFFF) != 0;
        uint ldr = Volatile.Read(ref _ldr) >> 24;
        bool flat = Volatile.Read(ref _dfr) >> 28 == 0xF;
        return flat ? (ldr & destination) != 0 : ldr >> 4 == destination >> 4 && (ldr & destination & 0xF) != 0;
    }

    /// <summary>Leaves a command here, whomever it is addressed to. Any thread.</summary>
    public void Post(in InterruptCommand command)
    {
        switch (command.Mode)
        {
            case DeliveryMode.Fixed:
            case DeliveryMode.LowestPriority:
                ref VectorSet set = ref command.LevelTriggered ? ref _incomingLevel : ref _incomingEdge;
                Interlocked.Or(ref set[command.Vector >> 6], 1UL << (command.Vector & 63));
                break;
            case DeliveryMode.Nmi:
                LeaveNmi();
                break;
            case DeliveryMode.Init:
                LeaveInit();
                break;
            case DeliveryMode.StartUp:
                _startUpVector = command.Vector;
                Interlocked.Or(ref _events, (int)ApicEvents.StartUp);
                break;
            default:
                // SMIs end here, for there is no system management mode; the 8259 has a line of its own.
                return;
        }

        Knock();
    }

    /// <summary>Sets the level of pin LINT0 (the 8259's output) or LINT1. Any thread.</summary>
    /// <param name="pin">0 or 1.</param>
    /// <param name="level">The new level.</param>
    public void SetLine(int pin, bool level)
    {
        int bit = 1 << pin;
        if (!level)
        {
            Interlocked.And(ref _lines, ~bit);
            return;
        }

        // Of edges that nobody has looked at two count, as of NMIs.
        if ((Interlocked.Or(ref _lines, bit) & bit) == 0 && (Interlocked.Or(ref _risenLines, bit) & bit) != 0)
            Interlocked.Or(ref _risenAgain, bit);
        Knock();
    }

    private void Knock()
    {
        Interlocked.Exchange(ref _incoming, 1);
        _wake?.Invoke();
    }

    /// <summary>Moves what other threads left into the registers.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void TakeIncoming()
    {
        // The flag first: what is left from here on sets it again.
        Interlocked.Exchange(ref _incoming, 0);
        bool accepts = IsEnabled && IsSoftwareEnabled;
        bool illegal = false;
        for (int i = 0; i < VectorSet.Words; i++)
        {
            ulong edge = Interlocked.Exchange(ref _incomingEdge[i], 0);
            ulong level = Interlocked.Exchange(ref _incomingLevel[i], 0);
            if (!accepts)
                continue;
            if (i == 0)
            {
                const ulong Illegal = (1UL << FirstVector) - 1;
                illegal = ((edge | level) & Illegal) != 0;
                edge &= ~Illegal;
                level &= ~Illegal;
            }

            _irr[i] |= edge | level;
            _tmr[i] = (_tmr[i] & ~edge) | level;
        }

        RaiseLines(Interlocked.Exchange(ref _risenLines, 0));
        RaiseLines(Interlocked.Exchange(ref _risenAgain, 0));
        if (illegal)
            ReportError(EsrReceiveIllegalVector);
        UpdateDeliverable();
    }

    private void RaiseLines(int risen)
    {
        if ((risen & 1) != 0)
            RaiseLocal(LvtLint0);
        if ((risen & 2) != 0)
            RaiseLocal(LvtLint1);
    }

    /// <summary>A local interrupt source fires (11.5.1 "Local Vector Table").</summary>
    private void RaiseLocal(int entry)
    {
        uint lvt = _lvt[entry];
        if (!IsEnabled || (lvt & LvtMasked) != 0)
            return;
        // The timer and error entries have no delivery mode: those bits are 0 there, fixed.
        switch ((DeliveryMode)((lvt >> 8) & 7))
        {
            case DeliveryMode.Fixed:
                // Only the pins can be level-triggered.
                bool level = entry is LvtLint0 or LvtLint1 && (lvt & LvtLevelTriggered) != 0;
                Accept((byte)lvt, level, entry);
                break;
            case DeliveryMode.Nmi:
                LeaveNmi();
                break;
            case DeliveryMode.Init:
                LeaveInit();
                break;
            default:
                // ExtINT is the level of the pin, see HasExternalInterrupt; SMIs end here.
                break;
        }
    }

    private void Accept(byte vector, bool level, int entry)
    {
        if (vector < FirstVector)
        {
            if (entry != LvtError)
                ReportError(EsrReceiveIllegalVector);
            return;
        }

        if (level)
        {
            _tmr.Add(vector);
            _lvt[entry] |= LvtRemoteIrr;
        }
        else
        {
            _tmr.Remove(vector);
        }

        _irr.Add(vector);
        UpdateDeliverable();
    }

    private void EndOfInterrupt()
    {
        int vector = _isr.Highest;
        if (vector < 0)
            return;
        _isr.Remove(vector);
        if (_tmr.Contains(vector))
        {
            _eoiBroadcasts.Add(vector);
            RearmLevelPin(LvtLint0, 1, vector);
            RearmLevelPin(LvtLint1, 2, vector);
        }

        UpdateDeliverable();
    }

    /// <summary>A level-triggered pin in fixed mode fires again after the EOI while it is high.</summary>
    private void RearmLevelPin(int entry, int line, int vector)
    {
        if ((_lvt[entry] & LvtRemoteIrr) == 0 || (byte)_lvt[entry] != vector)
            return;
        _lvt[entry] &= ~LvtRemoteIrr;
        if ((Volatile.Read(ref _lines) & line) != 0)
            RaiseLocal(entry);
    }

    /// <summary>Processor priority (11.8.3.1 "Task and Processor Priorities").</summary>
    private uint Ppr
    {
        get
        {
            uint inService = (uint)Math.Max(0, _isr.Highest);
            return (_tpr & 0xF0) >= (inService & 0xF0) ? _tpr : inService & 0xF0;
        }
    }

    private void UpdateDeliverable()
    {
        int highest = _irr.Highest;
        _deliverable = highest >= 0 && IsEnabled && (uint)(highest >> 4) > Ppr >> 4 ? highest : -1;
    }

    private void ReportError(uint bit)
    {
        _esrPending |= bit;
        RaiseLocal(LvtError);
    }
}
