using System.Globalization;
using System.Numerics;
using Vitrine.Devices.Buses;
using Vitrine.Devices.State;
using Vitrine.Errors;
using static Vitrine.Devices.Interrupts.Pic8259Registers;

namespace Vitrine.Devices.Interrupts;

/// <summary>
/// One 8259A in 8086 mode. Trigger modes come from the ELCR, which on a PC replaces ICW1's bit 3. An edge stays latched
/// when its line falls before the acknowledgement, so that a pulse is never lost.
/// </summary>
public sealed class Pic8259 : IPortDevice, IDevice
{
    private static readonly DeviceStateFormat<State> s_format = new(version: 1, static () => DeviceStateJson.Default.Pic8259);

    private readonly Action<bool> _output;
    private readonly bool _isMaster;
    private readonly byte _levelCapable;

    private State _state = new();

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

    /// <summary>
    /// Told the input whose interrupt ended: by an EOI, by a specific EOI whether or not it was in service, or by the acknowledgement itself with
    /// automatic EOI. It may drive inputs.
    /// </summary>
    public Action<int>? Ended { get; set; }

    /// <summary>All that it holds. What is written drives the INT output; who writes it gives what the chip can have.</summary>
    internal State Registers
    {
        get => _state;
        set
        {
            _state = value;
            UpdateOutput();
        }
    }

    /// <summary>The edge/level control register: a set bit makes the input level-triggered.</summary>
    public byte EdgeLevelControl
    {
        get => _state.LevelInputs;
        set
        {
            _state.LevelInputs = (byte)(value & _levelCapable);
            _state.Requests = (byte)((_state.Requests & ~_state.LevelInputs) | (_state.Lines & _state.LevelInputs));
            UpdateOutput();
        }
    }

    /// <summary>Sets the level of an input.</summary>
    /// <param name="input">0 to 7.</param>
    /// <param name="level">True when asserted.</param>
    public void SetInput(int input, bool level)
    {
        byte bit = (byte)(1 << input);
        bool was = (_state.Lines & bit) != 0;
        if (level) _state.Lines |= bit;
        else _state.Lines &= (byte)~bit;
        if ((_state.LevelInputs & bit) != 0) _state.Requests = (byte)((_state.Requests & ~bit) | (_state.Lines & bit));
        else if (level && !was) _state.Requests |= bit;
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
        if ((_state.LevelInputs & bit) == 0) _state.Requests &= (byte)~bit;
        if (!_state.AutoEoi) _state.InService |= bit;
        else if (_state.RotateOnAutoEoi) _state.LowestPriority = input;
        // INT falls during INTA, and rises again if another request waits: a master sees an edge for it.
        SetOutput(false);
        UpdateOutput();
        if (_state.AutoEoi) Ended?.Invoke(input);
        return input;
    }

    /// <summary>The vector of an input (ICW2).</summary>
    public byte VectorOf(int input) => (byte)(_state.VectorBase | input);

    /// <inheritdoc/>
    public uint ReadPort(int offset, int size)
    {
        if (_state.Poll)
        {
            // The read after a poll command is the acknowledgement.
            _state.Poll = false;
            int input = Acknowledge(out bool nothing);
            return nothing ? 0u : 0x80u | (uint)input;
        }
        if ((offset & 1) != 0) return _state.Mask;
        return _state.ReadInService ? _state.InService : _state.Requests;
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
    public void Reset()
    {
        _state = new();
        UpdateOutput();
    }

    /// <inheritdoc/>
    public DeviceState Save() => s_format.Write(Name, _state);

    /// <inheritdoc/>
    public void Load(DeviceState saved)
    {
        State state = s_format.Read(Name, saved);
        InvalidState.Unless(state.LowestPriority is >= 0 and < 8, Name, $"no input {state.LowestPriority} can have the lowest priority");
        InvalidState.Unless(Enum.IsDefined(state.Stage), Name, $"there is no stage {state.Stage} of its initialisation");
        InvalidState.Unless((state.VectorBase & 7) == 0, Name, $"vectors can't begin at 0x{state.VectorBase:X2}");
        InvalidState.Unless((state.LevelInputs & ~_levelCapable) == 0, Name, $"inputs 0x{state.LevelInputs:X2} can't be level-triggered");
        _state = state;

        // The processor's side is loaded too.
        Output = Pending() >= 0;
    }

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Inspect()
    {
        static string Hex(int value) => value.ToString("X2", CultureInfo.InvariantCulture);
        yield return new("lines", Hex(_state.Lines));
        yield return new("irr", Hex(_state.Requests));
        yield return new("isr", Hex(_state.InService));
        yield return new("imr", Hex(_state.Mask));
        yield return new("elcr", Hex(_state.LevelInputs));
        yield return new("vector-base", Hex(_state.VectorBase));
        yield return new("lowest-priority", _state.LowestPriority.ToString(CultureInfo.InvariantCulture));
        yield return new("auto-eoi", _state.AutoEoi ? "1" : "0");
        yield return new("special-mask", _state.SpecialMask ? "1" : "0");
        yield return new("initialization", _state.Stage.ToString());
        yield return new("output", Output ? "1" : "0");
    }

    // ICW1 also clears the mask and the edge latches, gives input 7 the lowest priority and selects reading of the IRR.
    private void BeginInitialization(byte icw1)
    {
        _state.Single = (icw1 & Icw1Single) != 0;
        _state.NeedsIcw4 = (icw1 & Icw1NeedsIcw4) != 0;
        _state.Requests = (byte)(_state.Lines & _state.LevelInputs);
        _state.InService = 0;
        _state.Mask = 0;
        _state.LowestPriority = 7;
        _state.AutoEoi = _state.RotateOnAutoEoi = _state.FullyNested = _state.SpecialMask = _state.Poll = _state.ReadInService = false;
        _state.Stage = Initialization.AwaitsIcw2;
    }

    private void WriteOddPort(byte value)
    {
        switch (_state.Stage)
        {
            case Initialization.AwaitsIcw2:
                _state.VectorBase = (byte)(value & 0xF8);
                _state.Stage = !_state.Single ? Initialization.AwaitsIcw3 : AfterIcw3;
                break;
            case Initialization.AwaitsIcw3:
                // Which input the cascade uses is the board's wiring; the chip needs no telling.
                _state.Stage = AfterIcw3;
                break;
            case Initialization.AwaitsIcw4:
                _state.AutoEoi = (value & Icw4AutoEoi) != 0;
                _state.FullyNested = (value & Icw4FullyNested) != 0;
                _state.Stage = Initialization.Done;
                break;
            default:
                _state.Mask = value;
                break;
        }
    }

    private Initialization AfterIcw3 => _state.NeedsIcw4 ? Initialization.AwaitsIcw4 : Initialization.Done;

    private void WriteOcw2(byte value)
    {
        int level = value & 7;
        switch (value >> 5)
        {
            case Ocw2RotateInAutoEoiClear: _state.RotateOnAutoEoi = false; break;
            case Ocw2RotateInAutoEoiSet: _state.RotateOnAutoEoi = true; break;
            case Ocw2Eoi: EndHighest(rotate: false); break;
            case Ocw2RotateOnEoi: EndHighest(rotate: true); break;
            case Ocw2SpecificEoi: End(level, rotate: false); break;
            case Ocw2RotateOnSpecificEoi: End(level, rotate: true); break;
            case Ocw2SetPriority: _state.LowestPriority = level; break;
        }
    }

    private void EndHighest(bool rotate)
    {
        // A masked in-service bit is not cleared by a non-specific EOI in special mask mode.
        int input = Highest(_state.SpecialMask ? _state.InService & ~_state.Mask : _state.InService);
        if (input >= 0) End(input, rotate);
    }

    private void End(int input, bool rotate)
    {
        _state.InService &= (byte)~(1 << input);
        if (rotate) _state.LowestPriority = input;
        Ended?.Invoke(input);
    }

    private void WriteOcw3(byte value)
    {
        if ((value & Ocw3ReadSelect) != 0) _state.ReadInService = (value & Ocw3ReadInService) != 0;
        if ((value & Ocw3MaskSelect) != 0) _state.SpecialMask = (value & Ocw3SpecialMask) != 0;
        _state.Poll = (value & Ocw3Poll) != 0;
    }

    /// <summary>The request that may interrupt what is in service, or -1.</summary>
    private int Pending()
    {
        int input = Highest(_state.Requests & ~_state.Mask);
        if (input < 0) return -1;
        int blocking = _state.InService;
        if (_state.SpecialMask) blocking &= ~_state.Mask;
        // Special fully nested mode: the slave may interrupt its own service routine with a higher input of its own.
        if (_state.FullyNested && _isMaster) blocking &= ~(1 << CascadeInput);
        int serving = Highest(blocking);
        return serving < 0 || Rank(input) < Rank(serving) ? input : -1;
    }

    private int Rank(int input) => (input - _state.LowestPriority - 1) & 7;

    private int Highest(int inputs)
    {
        if ((byte)inputs == 0) return -1;
        int first = _state.LowestPriority + 1;
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

    /// <summary>What the chip holds; new, as at power-on.</summary>
    internal struct State
    {
        /// <summary>Levels of the inputs.</summary>
        public byte Lines;

        /// <summary>IRR.</summary>
        public byte Requests;

        /// <summary>ISR.</summary>
        public byte InService;

        /// <summary>IMR.</summary>
        public byte Mask;

        /// <summary>ELCR.</summary>
        public byte LevelInputs;

        /// <summary>ICW2.</summary>
        public byte VectorBase;

        /// <summary>The input that comes last, 0 to 7.</summary>
        public int LowestPriority = 7;

        /// <summary>How far its initialisation is.</summary>
        public Initialization Stage;

        /// <summary>ICW1: no cascade.</summary>
        public bool Single;

        /// <summary>ICW1: ICW4 follows.</summary>
        public bool NeedsIcw4;

        /// <summary>ICW4: the acknowledgement ends the interrupt.</summary>
        public bool AutoEoi;

        /// <summary>OCW2: priorities rotate with each automatic end.</summary>
        public bool RotateOnAutoEoi;

        /// <summary>ICW4: special fully nested mode.</summary>
        public bool FullyNested;

        /// <summary>OCW3: special mask mode.</summary>
        public bool SpecialMask;

        /// <summary>OCW3: the next read is an acknowledgement.</summary>
        public bool Poll;

        /// <summary>OCW3: reads give the ISR, else the IRR.</summary>
        public bool ReadInService;

        /// <summary>As at power-on.</summary>
        public State()
        {
        }
    }

    /// <summary>What the next write to the odd port is.</summary>
    internal enum Initialization
    {
        /// <summary>The mask.</summary>
        Done,

        /// <summary>ICW2.</summary>
        AwaitsIcw2,

        /// <summary>ICW3.</summary>
        AwaitsIcw3,

        /// <summary>ICW4.</summary>
        AwaitsIcw4,
    }
}
