using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Vitrine.Devices.Interrupts;
using Vitrine.Devices.Timing;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Native;
using Vitrine.Timing;

namespace Vitrine.KvmServer.Irqchip;

/// <summary>
/// The 8254 of a machine (KVM_CREATE_PIT2), with port 0x61 where the client wants that. Device lock held, except where a member says
/// otherwise.
/// </summary>
internal sealed class IntervalTimer : IInterruptSink, IDisposable
{
    private readonly InterruptLines _lines;
    private readonly DeviceClock _clock;
    private readonly Pit8254 _timer;
    private readonly SystemControlPortB _portB;
    private readonly bool _hasSpeaker;
    private readonly SetImage _image = new(Unsafe.SizeOf<kvm_pit_channels>(), unit: sizeof(ulong));

    // The client's time, CLOCK_MONOTONIC, minus the machine's.
    private readonly long _clientOffset;
    private uint _flags;

    // Ticks that came while one waited at the 8259 pair, and the last of all by its number since the counter began.
    private long _missed;
    private (long Start, long Number) _lastTick;

    /// <summary>Creates it; nothing counts before it is programmed. Any thread, without the device lock.</summary>
    /// <param name="lines">Its counter 0 drives global system interrupt 0 there.</param>
    /// <param name="clock">The machine's time.</param>
    /// <param name="failed">Told of a defect, on a thread of the pool.</param>
    /// <param name="hasSpeaker">Whether it answers port 0x61.</param>
    public IntervalTimer(InterruptLines lines, MachineClock clock, Action<Exception> failed, bool hasSpeaker)
    {
        _lines = lines;
        _hasSpeaker = hasSpeaker;
        _clientOffset = Stopwatch.GetTimestamp() - clock.Now;
        using (ClientSignals.KeptAway()) _clock = new DeviceClock(lines.DeviceLock, clock, failed);
        _timer = new Pit8254(_clock, new InterruptLine(this, Pit8254Registers.Interrupt));
        _portB = new SystemControlPortB(_timer);
        lock (lines.DeviceLock) lines.TimerEnded = MakeUp;
    }

    /// <summary>
    /// KVM_REINJECT_CONTROL: whether ticks are made up for that the guest has missed because it was still busy with one. That is known of
    /// the 8259 pair; what the IOAPIC sends is an edge, whose end no local APIC tells.
    /// </summary>
    public bool Reinjects { get; set; } = true;

    /// <summary>How many ranges of ports it has.</summary>
    public int PortRanges => _hasSpeaker ? 2 : 1;

    /// <summary>KVM_GET_PIT2.</summary>
    public kvm_pit_state2 Get()
    {
        kvm_pit_state2 state = new() { channels = Show(), flags = _flags & ~KvmConstants.KVM_PIT_FLAGS_SPEAKER_DATA_ON };
        _image.Restore(BytesOf(ref state.channels));
        if ((_portB.Latch & KvmConstants.KVM_PIT_FLAGS_SPEAKER_DATA_ON) != 0) state.flags |= KvmConstants.KVM_PIT_FLAGS_SPEAKER_DATA_ON;
        return state;
    }

    /// <summary>KVM_SET_PIT2.</summary>
    public void Set(in kvm_pit_state2 state)
    {
        _flags = state.flags;
        Set(state.channels);
    }

    /// <summary>KVM_SET_PIT. The flags stay.</summary>
    public void Set(in kvm_pit_channels channels)
    {
        kvm_pit_channels set = channels;
        _missed = 0;
        long now = Pit8254.Rate.TicksAt(_clock.Nanoseconds);
        PitCounter.State first = ToState(ref set.channel0, now);

        // KVM starts counter 0 anew: one that strikes once strikes again.
        if (first.Mode is not (2 or 3) && first.Start + first.Count <= now) first.Start = now;
        _timer.Registers = (first, ToState(ref set.channel1, now), ToState(ref set.channel2, now));
        _portB.Latch = (byte)((_flags & KvmConstants.KVM_PIT_FLAGS_SPEAKER_DATA_ON) | (set.channel2.gate & 1u));
        kvm_pit_channels model = Show();
        _image.Keep(BytesOf(ref set), BytesOf(ref model));
    }

    /// <summary>A guest's access to ports that may be the timer's.</summary>
    /// <returns>False when they are not.</returns>
    public bool TryAccessPort(ushort port, int size, bool isWrite, Span<byte> data)
    {
        bool isTimer = port >= Pit8254Registers.Port && port + size <= Pit8254Registers.Port + Pit8254Registers.PortCount;
        if (!isTimer && !(_hasSpeaker && port == Pit8254Registers.SystemControlPortB && size == 1)) return false;
        if (isWrite)
        {
            // Of a wider access KVM takes the lowest byte.
            if (port is Pit8254Registers.Port or Pit8254Registers.Port + Pit8254Registers.ControlWord) _missed = 0;
            if (isTimer) _timer.WritePort(port - Pit8254Registers.Port, 1, data[0]);
            else _portB.WritePort(0, 1, data[0]);
            return true;
        }

        data.Clear();
        data[0] = (byte)(isTimer ? _timer.ReadPort(port - Pit8254Registers.Port, 1) : _portB.ReadPort(0, 1));
        return true;
    }

    /// <summary>Whether a port may be the timer's.</summary>
    public static bool MayOwnPort(ushort port) =>
        port is (>= Pit8254Registers.Port and < Pit8254Registers.Port + Pit8254Registers.PortCount) or Pit8254Registers.SystemControlPortB;

    /// <inheritdoc/>
    void IInterruptSink.SetLine(int line, bool level)
    {
        // None while a HPET of the client's stands for the timer.
        if (!level || (_flags & KvmConstants.KVM_PIT_FLAGS_HPET_LEGACY) != 0) return;
        long ticks = TicksSinceLast();
        bool waits = _lines.IsRequested(Pit8254Registers.Interrupt);
        Pulse();
        if (Reinjects && _lines.IsRequested(Pit8254Registers.Interrupt)) _missed += waits ? ticks : ticks - 1;
    }

    private void MakeUp()
    {
        if (_missed == 0 || _lines.IsRequested(Pit8254Registers.Interrupt)) return;
        _missed--;
        Pulse();
    }

    // As KVM gives a tick, whatever the form of the counter's output.
    private void Pulse() => _lines.Pulse(Pit8254Registers.Interrupt, InterruptSource.Timer);

    // The timer's thread may be late, by more than a period.
    private long TicksSinceLast()
    {
        PitCounter.State counter = _timer.Registers.First;
        (long start, long number) = _lastTick;
        if (counter.Mode is not (2 or 3)) return 1;
        _lastTick = (counter.Start, (Pit8254.Rate.TicksAt(_clock.Nanoseconds) - counter.Start) / counter.Count);
        return start == counter.Start ? Math.Max(_lastTick.Number - number, 1) : 1;
    }

    /// <summary>Ends its thread. Without the device lock.</summary>
    public void Dispose() => _clock.Dispose();

    private static Span<byte> BytesOf(ref kvm_pit_channels channels) => MemoryMarshal.AsBytes(new Span<kvm_pit_channels>(ref channels));

    private static kvm_pit_channel_state Settled(kvm_pit_channel_state set) => set with { count = set.count == 0 ? 0x1_0000 : set.count };

    private PitCounter.State ToState(ref kvm_pit_channel_state image, long now)
    {
        image = Settled(image);

        // A time that has not come, or that no machine has lived, is none.
        const long LongestLife = 1L << 60;
        long loaded = image.count_load_time - _clientOffset;
        bool possible = image.count_load_time is >= 0 and < LongestLife;
        return PitImage.ToState(image, possible ? Math.Min(Pit8254.Rate.TicksAt(loaded), now) : now, now);
    }

    private kvm_pit_channels Show()
    {
        (PitCounter.State first, PitCounter.State second, PitCounter.State third) = _timer.Registers;
        return new kvm_pit_channels { channel0 = Show(first), channel1 = Show(second), channel2 = Show(third) };
    }

    private kvm_pit_channel_state Show(in PitCounter.State counter) =>
        PitImage.Of(counter, Pit8254.Rate.NanosecondsAt(counter.Start) + _clientOffset);
}
