using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Vitrine.Devices.Acpi;
using Vitrine.Devices.Buses;
using Vitrine.Devices.Interrupts;
using Vitrine.Devices.State;
using Vitrine.Devices.Virtio.Queues;
using Vitrine.Errors;
using Vitrine.Memory;
using static Vitrine.Devices.Virtio.VirtioMmioRegisters;

namespace Vitrine.Devices.Virtio;

/// <summary>
/// A virtio device on a memory-mapped bus (Virtual I/O Device 1.2, 4.2), the version without legacy. An operating system finds it through ACPI.
/// </summary>
public sealed class VirtioMmio : IDevice, IMmioDevice, IAcpiDevice, IVirtioTransport
{
    private static readonly DeviceStateFormat<State> s_format = new(1, static () => DeviceStateJson.Default.VirtioMmio);

    private readonly VirtioDevice _device;
    private readonly InterruptLine _line;
    private readonly VirtioQueue[] _queues;
    private readonly byte[] _configuration;
    private State _state = new();

    /// <summary>Creates the device in its state after power-on.</summary>
    /// <param name="line">Its interrupt line, level-triggered.</param>
    /// <param name="memory">The guest's memory.</param>
    /// <param name="device">What it is.</param>
    public VirtioMmio(InterruptLine line, IGuestMemory memory, VirtioDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        _line = line;
        _device = device;
        Memory = memory;
        _queues = [.. device.QueueSizes.Select(size => new VirtioQueue(memory, size))];
        _configuration = new byte[device.ConfigurationLength];
        device.Transport = this;
    }

    /// <inheritdoc/>
    public string Name => _device.Name;

    /// <inheritdoc/>
    public string AcpiHardwareId => "LNRO0005";

    /// <inheritdoc/>
    public int WidestMemoryAccess => 4;

    /// <inheritdoc/>
    public IGuestMemory Memory { get; }

    /// <inheritdoc/>
    public IReadOnlyList<VirtioQueue> Queues => _queues;

    /// <inheritdoc/>
    public bool IsRunning => (_state.Status & (VirtioStatus.DriverOk | VirtioStatus.NeedsReset)) == VirtioStatus.DriverOk;

    /// <inheritdoc/>
    public ulong Features => (_state.Status & VirtioStatus.FeaturesOk) != 0 ? _state.DriverFeatures : 0;

    private ulong Offered => _device.Features | VirtioFeatures.Common;

    private VirtioQueue? Selected => _state.QueueSelect < _queues.Length ? _queues[_state.QueueSelect] : null;

    // A queue that is in use, and features that are agreed, stay as they are.
    private bool MayChangeFeatures => (_state.Status & VirtioStatus.FeaturesOk) == 0;

    /// <inheritdoc/>
    public ulong ReadMemory(ulong offset, int size)
    {
        if (offset >= Configuration) return ReadConfiguration(offset - Configuration, size);

        // 4.2.2.2: the registers are read and written as aligned 32 bits; nothing else is anything.
        return size == 4 && offset % 4 == 0 ? ReadRegister((int)offset) : 0;
    }

    /// <inheritdoc/>
    public void WriteMemory(ulong offset, int size, ulong value)
    {
        if (offset >= Configuration) WriteConfiguration(offset - Configuration, size, value);
        else if (size == 4 && offset % 4 == 0) WriteRegister((int)offset, (uint)value);
    }

    /// <inheritdoc/>
    public void Update(VirtioQueue queue)
    {
        ArgumentNullException.ThrowIfNull(queue);
        if (queue.TakeInterrupt()) Interrupt(UsedBuffer);
        if (queue.Fault != QueueFault.None) NeedReset();
    }

    /// <inheritdoc/>
    public void ConfigurationChanged()
    {
        _state.Generation++;
        if ((_state.Status & VirtioStatus.DriverOk) != 0) Interrupt(ConfigurationChange);
    }

    /// <inheritdoc/>
    public void NeedReset()
    {
        if ((_state.Status & VirtioStatus.NeedsReset) != 0) return;
        _state.Status |= VirtioStatus.NeedsReset;

        // 2.1.2: told as a change of the configuration, to a driver that has begun.
        if ((_state.Status & VirtioStatus.DriverOk) != 0) Interrupt(ConfigurationChange);
    }

    /// <inheritdoc/>
    public void Reset()
    {
        _device.Reset();
        foreach (VirtioQueue queue in _queues) queue.Reset();
        _state = new() { Generation = _state.Generation };
        _line.Set(false);
    }

    /// <inheritdoc/>
    public DeviceState Save()
    {
        State state = _state;
        state.Queues = [.. _queues.Select(static queue => queue.State)];
        state.Device = _device.Save();
        return s_format.Write(Name, state);
    }

    /// <inheritdoc/>
    public void Load(DeviceState saved)
    {
        State state = s_format.Read(Name, saved);
        InvalidState.Unless(state.Queues.Length == _queues.Length, Name, $"it has {state.Queues.Length} queues, not {_queues.Length}");
        InvalidState.Unless((state.Status & ~(VirtioStatus.DriverBits | VirtioStatus.NeedsReset)) == 0, Name, "a reserved bit of its status is set");
        InvalidState.Unless((state.InterruptStatus & ~(UsedBuffer | ConfigurationChange)) == 0, Name, "a reserved bit of its interrupt status is set");
        bool agreed = (state.Status & VirtioStatus.FeaturesOk) != 0;
        InvalidState.Unless(!agreed || AreAcceptable(state.DriverFeatures), Name, "its driver can't have agreed to these features");
        InvalidState.Unless(agreed || (state.Status & VirtioStatus.DriverOk) == 0, Name, "its driver has begun before features were agreed");
        for (int i = 0; i < _queues.Length; i++)
        {
            if (_queues[i].Refuse(state.Queues[i]) is { } problem) throw InvalidState.Of(Name, problem);
        }

        JsonElement? device = state.Device;
        VirtioQueueState[] queues = state.Queues;
        State before = _state;
        (state.Queues, state.Device) = ([], null);
        _state = state;
        try
        {
            _device.Load(device);
        }
        catch
        {
            _state = before;
            throw;
        }

        for (int i = 0; i < _queues.Length; i++)
        {
            _queues[i].Reset();
            _queues[i].State = queues[i];
            _queues[i].Agree(Features);
        }

        _line.Restore(_state.InterruptStatus != 0);
        if (IsRunning) _device.Start();
    }

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Inspect()
    {
        yield return new("status", _state.Status.ToString("X2", CultureInfo.InvariantCulture));
        yield return new("features", Features.ToString("X", CultureInfo.InvariantCulture));
        yield return new("interrupt status", _state.InterruptStatus.ToString("X", CultureInfo.InvariantCulture));
        for (int i = 0; i < _queues.Length; i++)
        {
            VirtioQueueState queue = _queues[i].State;
            string text = !queue.Ready ? "not set up" : _queues[i].Fault != QueueFault.None ? $"faulty: {_queues[i].Fault}" : string.Create(
                CultureInfo.InvariantCulture,
                $"{queue.Size} at {queue.Descriptors:X}, available {queue.Available:X} next {queue.NextAvailable}, used {queue.Used:X} next {queue.NextUsed}");
            yield return new($"queue {i}", text);
        }

        foreach (KeyValuePair<string, string> value in _device.Inspect()) yield return value;
    }

    private uint ReadRegister(int register) => register switch
    {
        MagicValue => Magic,
        VersionNumber => VirtioMmioRegisters.Version,
        DeviceId => _device.DeviceType,
        VendorId => Vendor,
        DeviceFeatures => Half(Offered, _state.DeviceFeaturesSelect),
        QueueSizeMaximum => (uint)(Selected?.MaximumSize ?? 0),
        QueueReady => Selected is { IsReady: true } ? 1u : 0,
        VirtioMmioRegisters.InterruptStatus => _state.InterruptStatus,
        VirtioMmioRegisters.Status => _state.Status,

        // 4.2.2: all ones where there is no such region of shared memory.
        SharedMemoryLengthLow or SharedMemoryLengthHigh or SharedMemoryBaseLow or SharedMemoryBaseHigh => uint.MaxValue,
        ConfigurationGeneration => _state.Generation,
        _ => 0,
    };

    private void WriteRegister(int register, uint value)
    {
        switch (register)
        {
            case DeviceFeaturesSelect: _state.DeviceFeaturesSelect = value; break;
            case DriverFeaturesSelect: _state.DriverFeaturesSelect = value; break;
            case DriverFeatures when MayChangeFeatures: SetDriverFeatures(value); break;
            case QueueSelect: _state.QueueSelect = value; break;
            case QueueNotify: Notify(value); break;
            case InterruptAcknowledge: Acknowledge((byte)value); break;
            case VirtioMmioRegisters.Status: WriteStatus((byte)value); break;
            default:
                if (Selected is { } queue) WriteQueue(queue, register, value);
                break;
        }
    }

    private static void WriteQueue(VirtioQueue queue, int register, uint value)
    {
        ref VirtioQueueState state = ref queue.State;
        if (register == QueueReady)
        {
            SetReady(queue, value);
            return;
        }

        // 4.2.3.2: nothing of a queue changes while it is ready.
        if (state.Ready) return;
        switch (register)
        {
            case QueueSize when value <= (uint)queue.MaximumSize && BitOperations.IsPow2(value): state.Size = (ushort)value; break;
            case QueueDescriptorsLow: SetLow(ref state.Descriptors, value); break;
            case QueueDescriptorsHigh: SetHigh(ref state.Descriptors, value); break;
            case QueueDriverLow: SetLow(ref state.Available, value); break;
            case QueueDriverHigh: SetHigh(ref state.Available, value); break;
            case QueueDeviceLow: SetLow(ref state.Used, value); break;
            case QueueDeviceHigh: SetHigh(ref state.Used, value); break;
        }
    }

    private static void SetReady(VirtioQueue queue, uint value)
    {
        // Taking it back is for a driver that will reset: what is in flight of it is finished, and comes back to nobody.
        ref VirtioQueueState state = ref queue.State;
        if (value == 1 && !state.Ready) (state.NextAvailable, state.NextUsed, state.ToldUsed) = (0, 0, 0);
        state.Ready = value == 1;
    }

    private void Notify(uint queue)
    {
        if (IsRunning && queue < _queues.Length && _queues[queue].IsUsable) _device.Notified((int)queue);
    }

    private void Acknowledge(byte bits)
    {
        _state.InterruptStatus &= (byte)~bits;
        _line.Set(_state.InterruptStatus != 0);
    }

    private void WriteStatus(byte value)
    {
        if (value == 0)
        {
            Reset();
            return;
        }

        // A driver sets bits and takes none back (2.1.1). DRIVER_OK counts when features are agreed.
        byte set = (byte)(value & VirtioStatus.DriverBits & ~_state.Status);
        if ((set & VirtioStatus.FeaturesOk) != 0 && !AreAcceptable(_state.DriverFeatures)) set &= unchecked((byte)~VirtioStatus.FeaturesOk);
        if (((_state.Status | set) & VirtioStatus.FeaturesOk) == 0) set &= unchecked((byte)~VirtioStatus.DriverOk);
        _state.Status |= set;
        if ((set & VirtioStatus.DriverOk) != 0) Start();
    }

    private void Start()
    {
        foreach (VirtioQueue queue in _queues)
        {
            queue.Agree(Features);
            queue.CheckRings();
            Update(queue);
        }

        if (IsRunning) _device.Start();
    }

    private bool AreAcceptable(ulong features) => (features & ~Offered) == 0 && (features & VirtioFeatures.Version1) != 0;

    private void SetDriverFeatures(uint value)
    {
        if (_state.DriverFeaturesSelect == 0) SetLow(ref _state.DriverFeatures, value);
        else if (_state.DriverFeaturesSelect == 1) SetHigh(ref _state.DriverFeatures, value);
    }

    private ulong ReadConfiguration(ulong offset, int size)
    {
        if (offset > (ulong)_configuration.Length) return 0;
        _device.ReadConfiguration(_configuration);
        Span<byte> value = stackalloc byte[8];
        value.Clear();
        ReadOnlySpan<byte> rest = _configuration.AsSpan((int)offset);
        rest[..Math.Min(size, rest.Length)].CopyTo(value);
        return BinaryPrimitives.ReadUInt64LittleEndian(value);
    }

    private void WriteConfiguration(ulong offset, int size, ulong value)
    {
        if (offset + (ulong)size > (ulong)_configuration.Length) return;
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        _device.WriteConfiguration((int)offset, bytes[..size]);
    }

    private void Interrupt(byte reason)
    {
        _state.InterruptStatus |= reason;
        _line.Set(true);
    }

    private static uint Half(ulong value, uint select) => select switch { 0 => (uint)value, 1 => (uint)(value >> 32), _ => 0 };

    private static void SetLow(ref ulong value, uint half) => value = (value & 0xFFFF_FFFF_0000_0000) | half;

    private static void SetHigh(ref ulong value, uint half) => value = (value & 0xFFFF_FFFF) | ((ulong)half << 32);

    /// <summary>What the transport holds; new, as after power-on.</summary>
    internal struct State
    {
        /// <summary>The device status field.</summary>
        public byte Status;

        /// <summary>Reasons for the interrupt that is asserted.</summary>
        public byte InterruptStatus;

        /// <summary>Which half of the device's features is shown.</summary>
        public uint DeviceFeaturesSelect;

        /// <summary>Which half of the driver's features is written.</summary>
        public uint DriverFeaturesSelect;

        /// <summary>What the driver accepts.</summary>
        public ulong DriverFeatures;

        /// <summary>The queue that the queue registers are of.</summary>
        public uint QueueSelect;

        /// <summary>Counts changes of the configuration.</summary>
        public uint Generation;

        /// <summary>The queues, in a saved state only.</summary>
        public VirtioQueueState[] Queues = [];

        /// <summary>The device's own state, in a saved state only.</summary>
        public JsonElement? Device;

        /// <summary>As after power-on.</summary>
        public State()
        {
        }
    }
}
