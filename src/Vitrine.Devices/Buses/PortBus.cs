namespace Vitrine.Devices.Buses;

/// <summary>
/// The 65,536 I/O ports. Ports that nobody claims read all ones and swallow writes, as an undriven ISA bus does.
/// An access that is wider than a device, or that leaves its range, is cut into aligned pieces, each dispatched on its own.
/// </summary>
public sealed class PortBus
{
    private const int PortCount = 0x1_0000;

    // One index per port, so that dispatch is two loads whatever the board holds. 0 is nobody.
    private readonly ushort[] _ownerOfPort = new ushort[PortCount];
    private readonly List<Attachment> _attachments = [default];

    private readonly record struct Attachment(IPortDevice Device, int First, int End, int FirstOffset, int Widest);

    /// <summary>Gives a range of ports to a device.</summary>
    /// <param name="device">The device.</param>
    /// <param name="firstPort">First port of the range.</param>
    /// <param name="count">Number of ports, at least 1.</param>
    /// <param name="firstOffset">The offset that the device sees for the first port; for a device with several ranges.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty or leaves the 65,536 ports.</exception>
    /// <exception cref="ArgumentException">Another device has a port of the range.</exception>
    public void Attach(IPortDevice device, int firstPort, int count, int firstOffset = 0)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentOutOfRangeException.ThrowIfNegative(firstPort);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, PortCount - firstPort);
        Span<ushort> range = _ownerOfPort.AsSpan(firstPort, count);
        int taken = range.IndexOfAnyExcept((ushort)0);
        if (taken >= 0)
        {
            throw new ArgumentException(
                $"Port 0x{firstPort + taken:X} of {device.GetType().Name} belongs to {_attachments[range[taken]].Device.GetType().Name}.",
                nameof(firstPort));
        }
        range.Fill((ushort)_attachments.Count);
        _attachments.Add(new(device, firstPort, firstPort + count, firstOffset, device.WidestPortAccess));
    }

    /// <summary>The device that answers a port; null where nobody does. It is not touched.</summary>
    public IPortDevice? OwnerOf(ushort port) => _attachments[_ownerOfPort[port]].Device;

    /// <summary>Carries out one access of the guest. Ports past 0xFFFF are unclaimed.</summary>
    /// <param name="port">First port.</param>
    /// <param name="size">1, 2 or 4 bytes.</param>
    /// <param name="isWrite">True for OUT.</param>
    /// <param name="data">At least <paramref name="size"/> bytes, little-endian: what the guest writes, or room for what it reads.</param>
    public void Access(ushort port, int size, bool isWrite, Span<byte> data)
    {
        for (int done = 0; done < size;)
        {
            int at = port + done;
            Span<byte> rest = data[done..size];
            int owner = at < PortCount ? _ownerOfPort[at] : 0;
            if (owner == 0)
            {
                if (!isWrite) rest[0] = 0xFF;
                done++;
                continue;
            }
            Attachment attachment = _attachments[owner];
            int width = AccessWidth.Next((ulong)at, Math.Min(rest.Length, attachment.End - at), attachment.Widest);
            int offset = at - attachment.First + attachment.FirstOffset;
            if (isWrite) attachment.Device.WritePort(offset, width, (uint)AccessWidth.Load(rest, width));
            else AccessWidth.Store(rest, width, attachment.Device.ReadPort(offset, width));
            done += width;
        }
    }
}
