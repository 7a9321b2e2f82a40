using System.Globalization;
using Vitrine.Devices.Buses;
using Vitrine.Devices.State;
using Vitrine.Errors;
using static Vitrine.Devices.Interrupts.IoapicRegisters;

namespace Vitrine.Devices.Interrupts;

/// <summary>
/// An IOAPIC with 24 pins. Pin levels are given as asserted or not, so the polarity bit is kept but changes nothing.
/// A level-triggered pin sends once and, when a local APIC took that, waits, remote IRR set, for the EOI of its vector.
/// </summary>
public sealed class Ioapic : IMmioDevice, IDevice
{
    private static readonly DeviceStateFormat<State> s_format = new(version: 1, static () => DeviceStateJson.Default.Ioapic);

    private readonly IInterruptMessageSink _localApics;
    private readonly byte _version;
    private State _state = new();

    /// <summary>Creates it in its reset state: every pin masked.</summary>
    /// <param name="localApics">Where its messages go.</param>
    /// <param name="version">What its version register shows; from 0x20 on there is an EOI register.</param>
    public Ioapic(IInterruptMessageSink localApics, byte version = ChipVersion)
    {
        _localApics = localApics;
        _version = version;
    }

    /// <inheritdoc/>
    public string Name => "ioapic";

    /// <inheritdoc/>
    public int WidestMemoryAccess => 4;

    /// <summary>Told the pin whose level-triggered interrupt a local APIC has ended, before the pin may send again. It may drive pins.</summary>
    public Action<int>? Ended { get; set; }

    /// <summary>All that it holds. What is written sends nothing; who writes it gives what the chip can have, with a table of its own.</summary>
    internal State Registers
    {
        get => _state;
        set => _state = value;
    }

    /// <summary>Sets the level of a pin.</summary>
    /// <param name="pin">0 to 23.</param>
    /// <param name="level">True when asserted.</param>
    public void SetPin(int pin, bool level)
    {
        uint bit = 1u << pin;
        bool was = (_state.Lines & bit) != 0;
        if (level) _state.Lines |= bit;
        else _state.Lines &= ~bit;

        // Asserted again while it is: that edge was not sent.
        _state.Delivered &= ~bit;
        if ((_state.Redirections[pin] & Level) != 0)
        {
            DeliverLevel(pin);
        }
        else if (level && !was && (_state.Redirections[pin] & Mask) == 0)
        {
            // An edge on a masked pin is neither delivered nor held (82093AA, redirection table, bit 16).
            _state.Delivered |= bit;
            _ = Send(pin);
        }
    }

    /// <summary>A local APIC ends a level-triggered interrupt. Pins that are still asserted send again.</summary>
    /// <param name="vector">The vector that was in service.</param>
    public void EndOfInterrupt(byte vector)
    {
        for (int pin = 0; pin < PinCount; pin++)
        {
            ulong entry = _state.Redirections[pin];
            if ((entry & RemoteIrr) == 0 || (byte)entry != vector) continue;
            Ended?.Invoke(pin);
            _state.Redirections[pin] &= ~RemoteIrr;
            DeliverLevel(pin);
        }
    }

    /// <inheritdoc/>
    public ulong ReadMemory(ulong offset, int size) => offset switch
    {
        Select => _state.Select,
        Window => ReadIndirect(),
        _ => 0,
    };

    /// <inheritdoc/>
    public void WriteMemory(ulong offset, int size, ulong value)
    {
        switch (offset)
        {
            case Select: _state.Select = (byte)value; break;
            case Window: WriteIndirect((uint)value); break;
            case Eoi when _version >= FirstVersionWithEoi: EndOfInterrupt((byte)value); break;
        }
    }

    /// <inheritdoc/>
    public void Reset() => _state = new();

    /// <inheritdoc/>
    public DeviceState Save() => s_format.Write(Name, _state);

    /// <inheritdoc/>
    public void Load(DeviceState saved)
    {
        State state = s_format.Read(Name, saved);
        InvalidState.Unless(state.Redirections.Length == PinCount, Name, $"it has {state.Redirections.Length} pins, not {PinCount}");
        InvalidState.Unless(Array.TrueForAll(state.Redirections, static entry => (entry & ~(Writable | RemoteIrr)) == 0), Name, "a reserved bit is set");
        InvalidState.Unless(state.Lines >> PinCount == 0, Name, "a pin is asserted that it doesn't have");
        InvalidState.Unless((state.Delivered & ~state.Lines) == 0, Name, "the edge of a pin was sent that isn't asserted");
        InvalidState.Unless(state.Id <= 0x0F, Name, $"its id 0x{state.Id:X2} has more than 4 bits");
        _state = state;
    }

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Inspect()
    {
        yield return new("id", _state.Id.ToString(CultureInfo.InvariantCulture));
        yield return new("select", _state.Select.ToString("X2", CultureInfo.InvariantCulture));
        yield return new("lines", _state.Lines.ToString("X6", CultureInfo.InvariantCulture));
        for (int pin = 0; pin < PinCount; pin++)
            yield return new($"pin{pin}", _state.Redirections[pin].ToString("X16", CultureInfo.InvariantCulture));
    }

    private uint ReadIndirect() => _state.Select switch
    {
        IdIndex or ArbitrationIndex => (uint)_state.Id << 24,
        VersionIndex => ((PinCount - 1) << 16) | (uint)_version,
        _ when TryRedirection(out int pin, out int shift) => (uint)(_state.Redirections[pin] >> shift),
        _ => 0,
    };

    private void WriteIndirect(uint value)
    {
        if (_state.Select == IdIndex)
        {
            _state.Id = (byte)((value >> 24) & 0x0F);
            return;
        }
        if (!TryRedirection(out int pin, out int shift)) return;
        ulong written = ((ulong)value << shift) & Writable & (0xFFFF_FFFFUL << shift);
        ulong kept = _state.Redirections[pin] & ~(Writable & (0xFFFF_FFFFUL << shift));
        ulong entry = written | kept;
        // Drivers without an EOI register clear a stuck remote IRR by switching the pin to edge and back.
        if ((entry & Level) == 0) entry &= ~RemoteIrr;
        _state.Redirections[pin] = entry;
        DeliverLevel(pin);
    }

    private bool TryRedirection(out int pin, out int shift)
    {
        pin = (_state.Select - RedirectionIndex) >> 1;
        shift = (_state.Select & 1) * 32;
        return pin is >= 0 and < PinCount;
    }

    private void DeliverLevel(int pin)
    {
        if ((_state.Redirections[pin] & (Level | RemoteIrr | Mask)) != Level || (_state.Lines & (1u << pin)) == 0) return;
        // What no local APIC takes is not in service anywhere, and no EOI will come for it.
        if (Send(pin) > 0) _state.Redirections[pin] |= RemoteIrr;
    }

    private int Send(int pin)
    {
        ulong entry = _state.Redirections[pin];
        ulong address = MessageBase
            | ((entry >> DestinationShift) << 12)
            | (((entry >> DestinationModeShift) & 1) << 2);
        uint data = (uint)entry & 0x87FF; // vector, delivery mode and trigger mode lie where a message has them
        return _localApics.Send(address, data | MessageAssert);
    }

    /// <summary>What it holds; new, as at power-on: every pin masked.</summary>
    internal struct State
    {
        /// <summary>The redirection table.</summary>
        public ulong[] Redirections = new ulong[PinCount];

        /// <summary>Levels of the pins, pin 0 in bit 0.</summary>
        public uint Lines;

        /// <summary>Asserted pins whose edge was sent when it came.</summary>
        public uint Delivered;

        /// <summary>IOREGSEL.</summary>
        public byte Select;

        /// <summary>IOAPICID, 4 bits.</summary>
        public byte Id;

        /// <summary>As at power-on.</summary>
        public State() => Array.Fill(Redirections, Mask);
    }
}
