namespace Vitrine.Devices.Buses;

/// <summary>The regions of a bus, and who answers where: the region with the highest priority.</summary>
/// <param name="last">The bus's last address.</param>
internal sealed class RegionMap(ulong last)
{
    // A board has a handful, and one access is mostly followed by another to the same.
    private readonly List<BusRegion> _regions = [];

    // What remains of the regions where others cover them; sorted by address.
    private readonly List<RegionPart> _parts = [];
    private int _lastHit;

    /// <summary>Who answers where, by ascending address.</summary>
    public List<RegionPart> Parts => _parts;

    /// <summary>Grows with each change.</summary>
    public int Version { get; private set; }

    /// <summary>Checks a range against the bus.</summary>
    public bool Contains(ulong first, ulong length) => length != 0 && first <= last && length - 1 <= last - first;

    /// <summary>Checks that a region can be at an address.</summary>
    public bool HasRoom(BusRegion region, ulong first) => Contains(first, region.Length) && Rival(region, first) is null;

    /// <summary>A region of the same priority that has an address which a region would have; null when there is none.</summary>
    public BusRegion? Rival(BusRegion region, ulong first) => _regions.Find(
        other => other != region && other.Priority == region.Priority && other.First <= first + (region.Length - 1) && first <= other.Last);

    /// <summary>Adds a region, or follows its move. There must be room.</summary>
    public void Place(BusRegion region)
    {
        if (!_regions.Contains(region)) _regions.Add(region);
        Flatten();
    }

    /// <summary>Takes a region out.</summary>
    public void Remove(BusRegion region)
    {
        if (_regions.Remove(region)) Flatten();
    }

    /// <summary>The part that has an address.</summary>
    /// <returns>False where nobody answers.</returns>
    public bool TryFind(ulong address, out RegionPart part)
    {
        if (_lastHit < _parts.Count && _parts[_lastHit].Contains(address))
        {
            part = _parts[_lastHit];
            return true;
        }

        int low = 0;
        int high = _parts.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            part = _parts[middle];
            if (part.Contains(address))
            {
                _lastHit = middle;
                return true;
            }

            if (part.First > address) high = middle - 1;
            else low = middle + 1;
        }

        part = default;
        return false;
    }

    private void Flatten()
    {
        _parts.Clear();
        _lastHit = 0;
        Version++;
        _regions.Sort(static (one, other) => other.Priority.CompareTo(one.Priority));
        foreach (BusRegion region in _regions) AddUncovered(region);
    }

    // What has a higher priority is there already.
    private void AddUncovered(BusRegion region)
    {
        ulong first = region.First;
        int position = 0;
        while (true)
        {
            while (position < _parts.Count && _parts[position].Last < first) position++;
            ulong end = region.Last;
            if (position < _parts.Count && _parts[position].First <= end)
            {
                RegionPart cover = _parts[position];
                if (cover.First > first) _parts.Insert(position++, new RegionPart(region, first, cover.First - 1));
                if (cover.Last >= end) return;
                first = cover.Last + 1;
                continue;
            }

            _parts.Insert(position, new RegionPart(region, first, end));
            return;
        }
    }
}
