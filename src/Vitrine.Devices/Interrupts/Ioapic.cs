using System.Globalization;
using Vitrine.Devices.Buses;
using static Vitrine.Devices.Interrupts.IoapicRegisters;

namespace Vitrine.Devices.Interrupts;

/// <summary>
/// An IOAPIC with 24 pins. Pin levels are given as asserted or not, so the polarity bit is kept but changes nothing.
/// A level-triggered pin sends once and then waits, remote IRR set, for the EOI of its vector.
/// </summary>
public sealed class Ioapic : IMmioDevice, IInspectable
{
    private readonly IInterruptMessageSink _localApics;
    private readonly ulong[] _redirections = new ulong[PinCount];
    private uint _lines;
    private byte _select;
    private byte _id;

    /// <summary>Creates it in its reset state: every pin masked.</summary>
    /// <param name="localApics">Where its messages go.</param>
    public Ioapic(IInterruptMessageSink localApics)
    {
        _localApics = localApics;
        Array.Fill(_redirections, Mask);
    }

    /// <inheritdoc/>
    public string Name => "ioapic";

    /// <inheritdoc/>
    public int WidestMemoryAccess => 4;

    /// <summary>Sets the level of a pin.</summary>
    /// <param name="pin">0 to 23.</param>
    /// <param name="level">True when asserted.</param>
    public void SetPin(int pin, bool level)
    {
        uint bit = 1u << pin;
        bool was = (_lines & bit) != 0;
        if (level) _lines |= bit;
        else _lines &= ~bit;
        if ((_redirections[pin] & Level) != 0) DeliverLevel(pin);
        // An edge on a masked pin is neither delivered nor held (82093AA, redirection table, bit 16).
        else if (level && !was && (_redirections[pin] & Mask) == 0) Send(pin);
    }

    /// <summary>A local APIC ends a level-triggered interrupt. Pins that are still asserted send again.</summary>
    /// <param name="vector">The vector that was in service.</param>
    public void EndOfInterrupt(byte vector)
    {
        for (int pin = 0; pin < PinCount; pin++)
        {
            ulong entry = _redirections[pin];
            if ((entry & RemoteIrr) == 0 || (byte)entry != vector) continue;
            _redirections[pin] = entry & ~RemoteIrr;
            DeliverLevel(pin);
        }
    }

    /// <inheritdoc/>
    public ulong ReadMemory(ulong offset, int size) => offset switch
    {
        Select => _select,
        Window => ReadIndirect(),
        _ => 0,
    };

    /// <inheritdoc/>
    public void WriteMemory(ulong offset, int size, ulong value)
    {
        switch (offset)
        {
            case Select: _select = (byte)value; break;
            case Window: WriteIndirect((uint)value); break;
            case Eoi: EndOfInterrupt((byte)value); break;
        }
    }

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Inspect()
    {
        yield return new("id", _id.ToString(CultureInfo.InvariantCulture));
        yield return new("select", _select.ToString("X2", CultureInfo.InvariantCulture));
        yield return new("lines", _lines.ToString("X6", CultureInfo.InvariantCulture));
        for (int pin = 0; pin < PinCount; pin++)
            yield return new($"pin{pin}", _redirections[pin].ToString("X16", CultureInfo.InvariantCulture));
    }

    private uint ReadIndirect() => _select switch
    {
        IdIndex or ArbitrationIndex => (uint)_id << 24,
        VersionIndex => ((PinCount - 1) << 16) | ChipVersion,
        _ when TryRedirection(out int pin, out int shift) => (uint)(_redirections[pin] >> shift),
        _ => 0,
    };

    private void WriteIndirect(uint value)
    {
        if (_select == IdIndex)
        {
            _id = (byte)((value >> 24) & 0x0F);
            return;
        }
        if (!TryRedirection(out int pin, out int shift)) return;
        ulong written = ((ulong)value << shift) & Writable & (0xFFFF_FFFFUL << shift);
        ulong kept = _redirections[pin] & ~(Writable & (0xFFFF_FFFFUL << shift));
        ulong entry = written | kept;
        // Drivers without an EOI register clear a stuck remote IRR by switching the pin to edge and back.
        if ((entry & Level) == 0) entry &= ~RemoteIrr;
        _redirections[pin] = entry;
        DeliverLevel(pin);
    }

    private bool TryRedirection(out int pin, out int shift)
    {
        pin = (_select - RedirectionIndex) >> 1;
        shift = (_select & 1) * 32;
        return pin is >= 0 and < PinCount;
    }

    private void DeliverLevel(int pin)
    {
        if ((_redirections[pin] & (Level | RemoteIrr | Mask)) != Level || (_lines & (1u << pin)) == 0) return;
        _redirections[pin] |= RemoteIrr;
        Send(pin);
    }

    private void Send(int pin)
    {
        ulong entry = _redirections[pin];
        ulong address = MessageBase
            | ((entry >> DestinationShift) << 12)
            | (((entry >> DestinationModeShift) & 1) << 2);
        uint data = (uint)entry & 0x87FF; // vector, delivery mode and trigger mode lie where a message has them
        _localApics.Send(address, data | MessageAssert);
    }
}
