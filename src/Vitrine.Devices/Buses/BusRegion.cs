namespace Vitrine.Devices.Buses;

/// <summary>
/// The range of a bus at which a device was attached. It can be moved, taken away and put back while the guest runs, as a guest does with a BAR: by the device that has
/// it, with the device lock held.
/// </summary>
public sealed class BusRegion
{
    private readonly RegionMap _map;

    internal BusRegion(RegionMap map, int device, string name, ulong first, ulong length, int priority)
    {
        _map = map;
        Device = device;
        Name = name;
        First = first;
        Length = length;
        Priority = priority;
    }

    /// <summary>Its first address or port, also while it isn't attached.</summary>
    public ulong First { get; private set; }

    /// <summary>Number of addresses or ports.</summary>
    public ulong Length { get; }

    /// <summary>Where regions overlap, the one with the highest answers.</summary>
    public int Priority { get; }

    /// <summary>True while the bus leads accesses to it.</summary>
    public bool IsAttached { get; private set; }

    /// <summary>The last address or port.</summary>
    internal ulong Last => First + (Length - 1);

    /// <summary>The bus's number of the device.</summary>
    internal int Device { get; }

    /// <summary>The device's name, for errors.</summary>
    internal string Name { get; }

    /// <summary>Moves the region, and attaches it if it wasn't. Addresses that it leaves belong to what it covered.</summary>
    /// <param name="first">The new first address or port, of any value: a guest's will do.</param>
    /// <returns>False, with nothing changed, when the region would leave the bus or overlap another one of the same priority.</returns>
    public bool TryMove(ulong first)
    {
        if (!_map.HasRoom(this, first)) return false;
        First = first;
        IsAttached = true;
        _map.Place(this);
        return true;
    }

    /// <summary>Attaches the region where it was.</summary>
    /// <returns>As <see cref="TryMove"/>.</returns>
    public bool TryAttach() => TryMove(First);

    /// <summary>Takes the region off the bus. Does nothing when it isn't attached.</summary>
    public void Remove()
    {
        IsAttached = false;
        _map.Remove(this);
    }
}
