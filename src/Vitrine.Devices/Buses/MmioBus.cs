namespace Vitrine.Devices.Buses;

/// <summary>
/// Guest-physical addresses of devices. What nobody claims reads all ones and swallows writes. An access that is wider
/// than a device, or that leaves its range, is cut into aligned pieces, each dispatched on its own.
/// </summary>
public sealed class MmioBus
{
    // Sorted by address. A board has a handful of ranges, and one access is mostly followed by another to the same.
    private readonly List<Attachment> _attachments = [];
    private int _lastHit;

    private readonly record struct Attachment(IMmioDevice Device, ulong First, ulong Last, int Widest);

    /// <summary>Gives a range of addresses to a device.</summary>
    /// <param name="device">The device.</param>
    /// <param name="firstAddress">Guest-physical address of the first byte.</param>
    /// <param name="length">Length in bytes, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty or wraps around.</exception>
    /// <exception cref="ArgumentException">Another device has an address of the range.</exception>
    public void Attach(IMmioDevice device, ulong firstAddress, ulong length)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentOutOfRangeException.ThrowIfZero(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length - 1, ulong.MaxValue - firstAddress);
        ulong last = firstAddress + (length - 1);
        int position = 0;
        foreach (Attachment other in _attachments)
        {
            if (other.First <= last && firstAddress <= other.Last)
            {
                throw new ArgumentException(
                    $"Addresses 0x{firstAddress:X}-0x{last:X} of {device.GetType().Name} overlap 0x{other.First:X}-0x{other.Last:X} of {other.Device.GetType().Name}.",
                    nameof(firstAddress));
            }
            if (other.First < firstAddress) position++;
        }
        _attachments.Insert(position, new(device, firstAddress, last, device.WidestMemoryAccess));
        _lastHit = 0;
    }

    /// <summary>The device that answers an address; null where nobody does. It is not touched.</summary>
    public IMmioDevice? OwnerOf(ulong address)
    {
        foreach (Attachment attachment in _attachments)
        {
            if (Contains(attachment, address)) return attachment.Device;
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
            int owner = Find(at);
            if (owner < 0)
            {
                if (!isWrite) rest[0] = 0xFF;
                done++;
                continue;
            }
            Attachment attachment = _attachments[owner];
            int within = (int)Math.Min((ulong)rest.Length - 1, attachment.Last - at) + 1;
            int width = AccessWidth.Next(at, within, attachment.Widest);
            ulong offset = at - attachment.First;
            if (isWrite) attachment.Device.WriteMemory(offset, width, AccessWidth.Load(rest, width));
            else AccessWidth.Store(rest, width, attachment.Device.ReadMemory(offset, width));
            done += width;
        }
    }

    private int Find(ulong address)
    {
        if (_lastHit < _attachments.Count && Contains(_attachments[_lastHit], address)) return _lastHit;
        int low = 0;
        int high = _attachments.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            Attachment candidate = _attachments[middle];
            if (Contains(candidate, address)) return _lastHit = middle;
            if (candidate.First > address) high = middle - 1;
            else low = middle + 1;
        }
        return -1;
    }

    private static bool Contains(in Attachment attachment, ulong address) =>
        attachment.First <= address && address <= attachment.Last;
}
