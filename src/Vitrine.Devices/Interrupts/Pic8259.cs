using System.Globalization;
using System.Numerics;
using Vitrine.Devices.Buses;
using static Vitrine.Devices.Interrupts.Pic8259Registers;

namespace Vitrine.Devices.Interrupts;

/// <summary>
/// One 8259A in 8086 mode. Trigger modes come from the ELCR, which on a PC replaces ICW1's bit 3. An edge stays latched
/// when its line falls before the acknowledgement, so that a pulse is never lost.
/// </summary>
public sealed class Pic8259 : IPortDevice, IInspectable
{
    private enum Initialization
    {
        Done,
        AwaitsIcw2,
        AwaitsIcw3,
        AwaitsIcw4,
    }

    private readonly Action<bool> _output;
    private readonly bool _isMaster;
    private readonly byte _levelCapable;

    private byte _lines;
    private byte _requests;     // IRR
    private byte _inService;    // ISR
    private byte _mask;         // IMR
    private byte _levelInputs;  // ELCR
    private byte _vectorBase;
    private int _lowestPriority = 7;
    private Initialization _initialization;
    private bool _single;
    private bool _needsIcw4;
    private bool _autoEoi;
    private bool _rotateOnAutoEoi;
    private bool _fullyNested;
    private bool _specialMask;
    private bool _poll;
    private bool _readInService;

    /// <summary>Creates the chip as at power-on: not initialised, nothing requested.</summary>
    /// <param name="isMaster">Whether a slave is connected to input 2.</param>
    /// <param name="output">Told the level of the INT output, when it changes or is renewed.</param>
    public Pic8259(bool isMaster, Action<bool> output)
    {
        _isMaster = isMaster;
        _output = output;
        _levelCapable = isMaster ? MasterLevelCapable : SlaveLevelCapable;
    }

    /// <inheritdoc/>
    public string Name => _isMaster ? "pic0" : "pic1";

    /// <summary>Level of the INT output.</summary>
    public bool Output { get; private set; }

    /// <summary>The edge/level control register: a set bit makes the input level-triggered.</summary>
    public byte EdgeLevelControl
    {
        get => _levelInputs;
        set
        {
            _levelInputs = (byte)(value & _levelCapable);
            _requests = (byte)((_requests & ~_levelInputs) | (_lines & _levelInputs));
            UpdateOutput();
        }
    }

    /// <summary>Sets the level of an input.</summary>
    /// <param name="input">0 to 7.</param>
    /// <param name="level">True when asserted.</param>
    public void SetInput(int input, bool level)
    {
        byte bit = (byte)(1 << input);
        bool was = (_lines & bit) != 0;
        if (level) _lines |= bit;
        else _lines &= (byte)~bit;
        if ((_levelInputs & bit) != 0) _requests = (byte)((_requests & ~bit) | (_lines & bit));
        else if (level && !was) _requests |= bit;
        UpdateOutput();
    }

    /// <summary>
    /// The INTA cycle: puts the highest-priority request into service. Without a request it reports input 7, as the chip
    /// does when a request has gone away (a spurious interrupt), and puts nothing into service.
    /// </summary>
    /// <param name="spurious">True when there was no request.</param>
    /// <returns>The input, 0 to 7.</returns>
    public int Acknowledge(out bool spurious)
    {
        int input = Pending();
        spurious = input < 0;
        if (spurious) return 7;
        byte bit = (byte)(1 << input);
        if ((_levelInputs & bit) == 0) _requests &= (byte)~bit;
        if (!_autoEoi) _inService |= bit;
        else if (_rotateOnAutoEoi) _lowestPriority = input;
        // INT falls during INTA, and rises again if another request waits: a master sees an edge for it.
        SetOutput(false);
        UpdateOutput();
        return input;
    }

    /// <summary>The vector of an input (ICW2).</summary>
    public byte VectorOf(int input) => (byte)(_vectorBase | input);

    /// <inheritdoc/>
    public uint ReadPort(int offset, int size)
    {
        if (_poll)
        {
            // The read after a poll command is the acknowledgement.
            _poll = false;
            int input = Acknowledge(out bool nothing);
            return nothing ? 0u : 0x80u | (uint)input;
        }
        if ((offset & 1) != 0) return _mask;
        return _readInService ? _inService : _requests;
    }

    /// <inheritdoc/>
    public void WritePort(int offset, int size, uint value)
    {
        byte written = (byte)value;
        if ((offset & 1) != 0) WriteOddPort(written);
        else if ((written & Icw1) != 0) BeginInitialization(written);
        else if ((written & Ocw3) != 0) WriteOcw3(written);
        else WriteOcw2(written);
        UpdateOutput();
    }

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Inspect()
    {
        static string Hex(int value) => value.ToString("X2", CultureInfo.InvariantCulture);
        yield return new("lines", Hex(_lines));
        yield return new("irr", Hex(_requests));
        yield return new("isr", Hex(_inService));
        yield return new("imr", Hex(_mask));
        yield return new("elcr", Hex(_levelInputs));
        yield return new("vector-base", Hex(_vectorBase));
        yield return new("lowest-priority", _lowestPriority.ToString(CultureInfo.InvariantCulture));
        yield return new("auto-eoi", _autoEoi ? "1" : "0");
        yield return new("special-mask", _specialMask ? "1" : "0");
        yield return new("initialization", _initialization.ToString());
        yield return new("output", Output ? "1" : "0");
    }

    // ICW1 also clears the mask and the edge latches, gives input 7 the lowest priority and selects reading of the IRR.
    private void BeginInitialization(byte icw1)
    {
        _single = (icw1 & Icw1Single) != 0;
        _needsIcw4 = (icw1 & Icw1NeedsIcw4) != 0;
        _requests = (byte)(_lines & _levelInputs);
        _inService = 0;
        _mask = 0;
        _lowestPriority = 7;
        _autoEoi = _rotateOnAutoEoi = _fullyNested = _specialMask = _poll = _readInService = false;
        _initialization = Initialization.AwaitsIcw2;
    }

    private void WriteOddPort(byte value)
    {
        switch (_initialization)
        {
            case Initialization.AwaitsIcw2:
                _vectorBase = (byte)(value & 0xF8);
                _initialization = !_single ? Initialization.AwaitsIcw3 : AfterIcw3;
                break;
            case Initialization.AwaitsIcw3:
                // Which input the cascade uses is the board's wiring; the chip needs no telling.
                _initialization = AfterIcw3;
                break;
            case Initialization.AwaitsIcw4:
                _autoEoi = (value & Icw4AutoEoi) != 0;
                _fullyNested = (value & Icw4FullyNested) != 0;
                _initialization = Initialization.Done;
                break;
            default:
                _mask = value;
                break;
        }
    }

    private Initialization AfterIcw3 => _needsIcw4 ? Initialization.AwaitsIcw4 : Initialization.Done;

    private void WriteOcw2(byte value)
    {
        int level = value & 7;
        switch (value >> 5)
        {
            case Ocw2RotateInAutoEoiClear: _rotateOnAutoEoi = false; break;
            case Ocw2RotateInAutoEoiSet: _rotateOnAutoEoi = true; break;
            case Ocw2Eoi: EndHighest(rotate: false); break;
            case Ocw2RotateOnEoi: EndHighest(rotate: true); break;
            case Ocw2SpecificEoi: _inService &= (byte)~(1 << level); break;
            case Ocw2RotateOnSpecificEoi:
                _inService &= (byte)~(1 << level);
                _lowestPriority = level;
                break;
            case Ocw2SetPriority: _lowestPriority = level; break;
        }
    }

    private void EndHighest(bool rotate)
    {
        // A masked in-service bit is not cleared by a non-specific EOI in special mask mode.
        int input = Highest(_specialMask ? _inService & ~_mask : _inService);
        if (input < 0) return;
        _inService &= (byte)~(1 << input);
        if (rotate) _lowestPriority = input;
    }

    private void WriteOcw3(byte value)
    {
        if ((value & Ocw3ReadSelect) != 0) _readInService = (value & Ocw3ReadInService) != 0;
        if ((value & Ocw3MaskSelect) != 0) _specialMask = (value & Ocw3SpecialMask) != 0;
        _poll = (value & Ocw3Poll) != 0;
    }

    /// <summary>The request that may interrupt what is in service, or -1.</summary>
    private int Pending()
    {
        int input = Highest(_requests & ~_mask);
        if (input < 0) return -1;
        int blocking = _inService;
        if (_specialMask) blocking &= ~_mask;
        // Special fully nested mode: the slave may interrupt its own service routine with a higher input of its own.
        if (_fullyNested && _isMaster) blocking &= ~(1 << CascadeInput);
        int serving = Highest(blocking);
        return serving < 0 || Rank(input) < Rank(serving) ? input : -1;
    }

    private int Rank(int input) => (input - _lowestPriority - 1) & 7;

    private int Highest(int inputs)
    {
        if ((byte)inputs == 0) return -1;
        int first = _lowestPriority + 1;
        int rotated = ((inputs & 0xFF) | (inputs << 8)) >> (first & 7);
        return (BitOperations.TrailingZeroCount(rotated) + first) & 7;
    }

    private void UpdateOutput() => SetOutput(Pending() >= 0);

    private void SetOutput(bool level)
    {
        if (Output == level) return;
        Output = level;
        _output(level);
    }
}
