using System.Globalization;
using Vitrine.Devices.Buses;
using Vitrine.Devices.Interrupts;
using Vitrine.Devices.State;
using Vitrine.Errors;
using static Vitrine.Devices.Timing.Pit8254Registers;

namespace Vitrine.Devices.Timing;

/// <summary>
/// An 8254 interval timer at <see cref="Hertz"/>. Counter 0 drives an interrupt line: each rising edge of its output
/// becomes one edge there. Edges lie on the grid that the guest programmed, however late the host is; edges that were
/// missed meanwhile are not made up for. Counters 0 and 1 have their gates tied high.
/// </summary>
public sealed class Pit8254 : IPortDevice, IDevice
{
    // The guest may program periods below a microsecond; the host is not kept busier than this by them (about 20 us).
    private const long MinimumInterruptDistance = 24;

    /// <summary>Its input clock.</summary>
    internal static readonly ClockRate Rate = new(Hertz);

    private static readonly DeviceStateFormat<State> s_format = new(version: 1, static () => DeviceStateJson.Default.Pit8254);

    private readonly PitCounter[] _counters = [new(gate: true), new(gate: true), new(gate: false)];
    private readonly IDeviceClock _clock;
    private readonly InterruptLine _line;
    private readonly IDeviceTimer _timer;
    private long _nextEdge = PitCounter.Never; // of counter 0, the one that the timer is armed for

    /// <summary>Creates the timer; nothing counts before it is programmed.</summary>
    /// <param name="clock">Time base.</param>
    /// <param name="line">Interrupt line of counter 0.</param>
    public Pit8254(IDeviceClock clock, InterruptLine line)
    {
        _clock = clock;
        _line = line;
        _timer = clock.CreateTimer(Expired);
    }

    /// <inheritdoc/>
    public string Name => "pit";

    /// <summary>The gate of counter 2.</summary>
    public bool Gate2
    {
        get => _counters[2].Gate;
        set => _counters[2].SetGate(value, Now);
    }

    /// <summary>The output of counter 2.</summary>
    public bool Output2 => _counters[2].Output(Now);

    /// <summary>Input clocks since the machine was created.</summary>
    internal long Now => Rate.TicksAt(_clock.Nanoseconds);

    /// <summary>All that the counters hold. Who writes it gives what counters can have; counter 0 then interrupts at its next edge from now on.</summary>
    internal (PitCounter.State First, PitCounter.State Second, PitCounter.State Third) Registers
    {
        get => (_counters[0].Registers, _counters[1].Registers, _counters[2].Registers);
        set
        {
            _counters[0].Load(value.First);
            _counters[1].Load(value.Second);
            _counters[2].Load(value.Third);
            FollowCounter0(minimumDistance: 0);
        }
    }

    /// <inheritdoc/>
    public uint ReadPort(int offset, int size) => (offset & 3) == ControlWord ? 0xFFu : _counters[offset & 3].Read(Now);

    /// <inheritdoc/>
    public void WritePort(int offset, int size, uint value)
    {
        byte written = (byte)value;
        int counter = offset & 3;
        if (counter != ControlWord)
        {
            _counters[counter].WriteCount(written, Now);
            if (counter == 0) FollowCounter0(minimumDistance: 0);
            return;
        }
        int select = written >> SelectShift;
        if (select == ReadBack) LatchMany(written);
        else if (((written >> AccessShift) & 3) == AccessLatch) _counters[select].LatchCount(Now);
        else Program(select, written);
    }

    /// <inheritdoc/>
    public void Reset()
    {
        for (int i = 0; i < _counters.Length; i++) _counters[i].Reset(gate: i < 2);
        _line.Set(false);
        ArmFor(PitCounter.Never);
    }

    /// <inheritdoc/>
    public DeviceState Save() => s_format.Write(
        Name, new State { Counters = Array.ConvertAll(_counters, static counter => counter.Registers), Line = _line.Level, NextEdge = _nextEdge });

    /// <inheritdoc/>
    public void Load(DeviceState saved)
    {
        State state = s_format.Read(Name, saved);
        InvalidState.Unless(state.Counters.Length == _counters.Length, Name, $"it has {state.Counters.Length} counters, not {_counters.Length}");
        InvalidState.Unless(Array.TrueForAll(state.Counters, static counter => counter.IsPossible), Name, "no counter can be in such a state");
        bool possible = state.NextEdge == PitCounter.Never || (state.NextEdge >= 0 && state.NextEdge <= Rate.TicksAt(long.MaxValue));
        InvalidState.Unless(possible, Name, "its next interrupt lies beyond its life");
        for (int i = 0; i < _counters.Length; i++) _counters[i].Load(state.Counters[i]);
        _line.Restore(state.Line);
        ArmFor(state.NextEdge);
    }

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Inspect()
    {
        long now = Now;
        for (int i = 0; i < _counters.Length; i++)
        {
            PitCounter counter = _counters[i];
            yield return new($"counter{i}.mode", counter.Mode.ToString(CultureInfo.InvariantCulture));
            yield return new($"counter{i}.reload", counter.ReloadValue.ToString(CultureInfo.InvariantCulture));
            yield return new($"counter{i}.count", counter.CountAt(now).ToString("X4", CultureInfo.InvariantCulture));
            yield return new($"counter{i}.gate", counter.Gate ? "1" : "0");
            yield return new($"counter{i}.output", counter.Output(now) ? "1" : "0");
        }
    }

    private void LatchMany(byte command)
    {
        for (int i = 0; i < _counters.Length; i++)
        {
            if ((command & (2 << i)) == 0) continue;
            if ((command & ReadBackNoCount) == 0) _counters[i].LatchCount(Now);
            if ((command & ReadBackNoStatus) == 0) _counters[i].LatchStatus(Now);
        }
    }

    private void Program(int counter, byte controlWord)
    {
        _counters[counter].WriteControlWord(controlWord);
        if (counter == 0) FollowCounter0(minimumDistance: 0);
    }

    private void Expired()
    {
        _line.Set(false);
        _line.Set(true);
        FollowCounter0(MinimumInterruptDistance);
    }

    // The line falls with the output, but rises only at edges that the counter makes: a control word sets the output of
    // most modes high at once, and a driver that sets up the timer expects its first interrupt after the first period.
    private void FollowCounter0(long minimumDistance)
    {
        long now = Now;
        if (!_counters[0].Output(now)) _line.Set(false);
        ArmFor(_counters[0].NextRisingEdge(now, minimumDistance));
    }

    private void ArmFor(long edge)
    {
        _nextEdge = edge;
        if (edge == PitCounter.Never) _timer.Cancel();
        else _timer.Arm(Rate.NanosecondsAt(edge));
    }

    /// <summary>What the timer holds.</summary>
    internal struct State
    {
        /// <summary>The three counters.</summary>
        public PitCounter.State[] Counters = [];

        /// <summary>Level of the interrupt line, which counter 0's output doesn't tell: it rises at edges only.</summary>
        public bool Line;

        /// <summary>The input clock of the next interrupt; <see cref="PitCounter.Never"/> for none.</summary>
        public long NextEdge = PitCounter.Never;

        /// <summary>Without counters.</summary>
        public State()
        {
        }
    }
}
