namespace Vitrine.Devices.Buses;

/// <summary>Addresses at which a region answers.</summary>
/// <param name="Region">The region.</param>
/// <param name="First">The first.</param>
/// <param name="Last">The last.</param>
internal readonly record struct RegionPart(BusRegion Region, ulong First, ulong Last)
{
    /// <summary>True when the address is one of them.</summary>
    public bool Contains(ulong address) => First <= address && address <= Last;
}
