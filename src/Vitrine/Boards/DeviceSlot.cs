using Vitrine.Devices;
using Vitrine.Devices.Interrupts;

namespace Vitrine.Boards;

/// <summary>A place for one device on a board that is being built: its ports, device memory and interrupt line, and its name in the ACPI namespace.</summary>
/// <param name="board">The board.</param>
internal sealed class DeviceSlot(BoardBuilder board)
{
    private readonly List<PortRange> _ports = [];
    private readonly List<MmioRange> _memory = [];
    private readonly List<int> _interrupts = [];
    private string? _acpiName;
    private int? _acpiUid;

    /// <summary>Gives it a range of I/O ports.</summary>
    /// <param name="first">First port.</param>
    /// <param name="count">Number of ports, at least 1.</param>
    /// <param name="firstOffset">The offset that the device sees for the first port; for a device with several ranges.</param>
    public DeviceSlot Ports(int first, int count, int firstOffset = 0)
    {
        _ports.Add(new PortRange(first, count, firstOffset));
        return this;
    }

    /// <summary>Gives it a range of device memory.</summary>
    /// <param name="start">Guest-physical address of the first byte.</param>
    /// <param name="length">Bytes, at least 1.</param>
    public DeviceSlot Memory(ulong start, ulong length)
    {
        _memory.Add(new MmioRange(start, length));
        return this;
    }

    /// <summary>Gives it an interrupt line.</summary>
    /// <param name="number">ISA interrupt number, or global system interrupt from 16 on.</param>
    public DeviceSlot Interrupt(int number)
    {
        _interrupts.Add(number);
        return this;
    }

    /// <summary>Lists it in the ACPI namespace, under \_SB. The device says what it is.</summary>
    /// <param name="name">Name: at most four characters, A to Z, 0 to 9 and _, no digit first.</param>
    /// <param name="uid">_UID, where there may be several of its kind; else null.</param>
    public DeviceSlot Acpi(string name, int? uid = null)
    {
        _acpiName = name;
        _acpiUid = uid;
        return this;
    }

    /// <summary>Puts a device into it that has no interrupt line.</summary>
    /// <returns>The device.</returns>
    /// <exception cref="ArgumentException">A range is taken, lies in RAM, or the device has no such interface.</exception>
    public T Add<T>(T device)
        where T : class
    {
        board.Attach(device, new DeviceResources(_ports, _memory, _interrupts), _acpiName, _acpiUid);
        return device;
    }

    /// <summary>Puts a device into it that has one interrupt line.</summary>
    /// <param name="make">Makes the device.</param>
    /// <inheritdoc cref="Add{T}(T)"/>
    public T Add<T>(Func<InterruptLine, T> make)
        where T : class => Add(make(board.Line(_interrupts.Single())));
}
