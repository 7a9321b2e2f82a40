namespace Vitrine.Devices.Buses;

/// <summary>
/// The 65,536 I/O ports. Ports that nobody claims read all ones and swallow writes, as an undriven ISA bus does.
/// An access that is wider than a device, or that leaves its range, is cut into aligned pieces, each dispatched on its own.
/// </summary>
public sealed class PortBus
{
    private const int PortCount = 0x1_0000;

    private readonly RegionMap _map = new(PortCount - 1);
    private readonly List<Attachment> _devices = [];

    // The number of each port's part, from 1, so that dispatch is two loads whatever the board holds. 0 is nobody.
    private readonly ushort[] _partOfPort = new ushort[PortCount];
    private int _version;

    private readonly record struct Attachment(IPortDevice Device, int FirstOffset, int Widest);

    /// <summary>Gives a range of ports to a device.</summary>
    /// <param name="device">The device.</param>
    /// <param name="firstPort">First port of the range.</param>
    /// <param name="count">Number of ports, at least 1.</param>
    /// <param name="firstOffset">The offset that the device sees for the first port; for a device with several ranges.</param>
    /// <param name="priority">Where ranges overlap, the one with the highest answers.</param>
    /// <returns>The range, for who has to move it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty or leaves the 65,536 ports.</exception>
    /// <exception cref="ArgumentException">Another device has a port of the range with the same priority.</exception>
    public BusRegion Attach(IPortDevice device, int firstPort, int count, int firstOffset = 0, int priority = 0)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentOutOfRangeException.ThrowIfNegative(firstPort);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, PortCount - firstPort);
        BusRegion region = new(_map, _devices.Count, device.GetType().Name, (ulong)firstPort, (ulong)count, priority);
        if (_map.Rival(region, region.First) is { } other)
        {
            throw new ArgumentException(
                $"Port 0x{Math.Max(region.First, other.First):X} of {region.Name} belongs to {other.Name}.",
                nameof(firstPort));
        }

        _devices.Add(new(device, firstOffset, device.WidestPortAccess));
        region.TryAttach();
        return region;
    }

    /// <summary>The device that answers a port; null where nobody does. It is not touched.</summary>
    public IPortDevice? OwnerOf(ushort port)
    {
        foreach (RegionPart part in _map.Parts)
        {
            if (part.Contains(port)) return _devices[part.Region.Device].Device;
        }

        return null;
    }

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

            // Each time: the device that answered may have moved a region.
            if (_version != _map.Version) FollowRegions();
            int number = at < PortCount ? _partOfPort[at] : 0;
            if (number == 0)
            {
                if (!isWrite) rest[0] = 0xFF;
                done++;
                continue;
            }

            RegionPart part = _map.Parts[number - 1];
            Attachment attachment = _devices[part.Region.Device];
            int width = AccessWidth.Next((ulong)at, (int)Math.Min((ulong)rest.Length, part.Last - (ulong)at + 1), attachment.Widest);
            int offset = at - (int)part.Region.First + attachment.FirstOffset;
            if (isWrite) attachment.Device.WritePort(offset, width, (uint)AccessWidth.Load(rest, width));
            else AccessWidth.Store(rest, width, attachment.Device.ReadPort(offset, width));
            done += width;
        }
    }

    private void FollowRegions()
    {
        Array.Clear(_partOfPort);
        for (int i = 0; i < _map.Parts.Count; i++)
        {
            RegionPart part = _map.Parts[i];
            _partOfPort.AsSpan((int)part.First, (int)(part.Last - part.First) + 1).Fill((ushort)(i + 1));
        }

        _version = _map.Version;
    }
}
