namespace Vitrine.Devices.Buses;

/// <summary>
/// Guest-physical addresses of devices. What nobody claims reads all ones and swallows writes. An access that is wider
/// than a device, or that leaves its range, is cut into aligned pieces, each dispatched on its own.
/// </summary>
public sealed class MmioBus
{
    private readonly RegionMap _map = new(ulong.MaxValue);
    private readonly List<Attachment> _devices = [];

    private readonly record struct Attachment(IMmioDevice Device, int Widest);

    /// <summary>Gives a range of addresses to a device.</summary>
    /// <param name="device">The device.</param>
    /// <param name="firstAddress">Guest-physical address of the first byte.</param>
    /// <param name="length">Length in bytes, at least 1.</param>
    /// <param name="priority">Where ranges overlap, the one with the highest answers.</param>
    /// <returns>The range, for who has to move it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty or wraps around.</exception>
    /// <exception cref="ArgumentException">Another device has an address of the range with the same priority.</exception>
    public BusRegion Attach(IMmioDevice device, ulong firstAddress, ulong length, int priority = 0)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentOutOfRangeException.ThrowIfZero(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length - 1, ulong.MaxValue - firstAddress);
        BusRegion region = new(_map, _devices.Count, device.GetType().Name, firstAddress, length, priority);
        if (_map.Rival(region, firstAddress) is { } other)
        {
            throw new ArgumentException(
                $"Addresses 0x{firstAddress:X}-0x{region.Last:X} of {region.Name} overlap 0x{other.First:X}-0x{other.Last:X} of {other.Name}.",
                nameof(firstAddress));
        }

        _devices.Add(new(device, device.WidestMemoryAccess));
        region.TryAttach();
        return region;
    }

    /// <summary>The device that answers an address; null where nobody does. It is not touched.</summary>
    public IMmioDevice? OwnerOf(ulong address)
    {
        foreach (RegionPart part in _map.Parts)
        {
            if (part.Contains(address)) return _devices[part.Region.Device].Device;
        }

        return null;
    }

    /// <summary>Carries out one access of the guest.</summary>
    /// <param name="address">Guest-physical address of the first byte.</param>
    /// <param name="size">Number of bytes.</param>
    /// <param name="isWrite">True for a store.</param>
    /// <param name="data">At least <paramref name="size"/> bytes, little-endian: what the guest writes, or room for what it reads.</param>
    public void Access(ulong address, int size, bool isWrite, Span<byte> data)
    {
        for (int done = 0; done < size;)
        {
            ulong at = address + (ulong)done;
            Span<byte> rest = data[done..size];
            if (!_map.TryFind(at, out RegionPart part))
            {
                if (!isWrite) rest[0] = 0xFF;
                done++;
                continue;
            }
            Attachment attachment = _devices[part.Region.Device];
            int within = (int)Math.Min((ulong)rest.Length - 1, part.Last - at) + 1;
            int width = AccessWidth.Next(at, within, attachment.Widest);
            ulong offset = at - part.Region.First;
            if (isWrite) attachment.Device.WriteMemory(offset, width, AccessWidth.Load(rest, width));
            else AccessWidth.Store(rest, width, attachment.Device.ReadMemory(offset, width));
            done += width;
        }
    }
}
