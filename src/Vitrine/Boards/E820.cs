using Vitrine.Devices;

namespace Vitrine.Boards;

/// <summary>One range of the memory map that a guest is told (ACPI specification, "System Address Map Interfaces").</summary>
/// <param name="Start">First address.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Type">Its use, see the constants.</param>
internal readonly record struct E820(ulong Start, ulong Length, uint Type)
{
    /// <summary>AddressRangeMemory.</summary>
    internal const uint Usable = 1;

    /// <summary>AddressRangeReserved.</summary>
    internal const uint Reserved = 2;

    /// <summary>The memory map of a board, by ascending address.</summary>
    internal static E820[] Map(MemoryLayout layout)
    {
        List<E820> map =
        [
            Range(0, MemoryLayout.LegacyHoleStart, Usable),
            // The ACPI tables are in here. FACS must survive, so the area isn't announced as reclaimable.
            Range(MemoryLayout.LegacyHoleStart, MemoryLayout.LegacyHoleEnd, Reserved),
        ];
        if (layout.LowBytes > MemoryLayout.LegacyHoleEnd) map.Add(Range(MemoryLayout.LegacyHoleEnd, layout.LowBytes, Usable));
        foreach (MmioRange range in layout.Reserved) map.Add(new E820(range.Start, range.Length, Reserved));
        if (layout.HighBytes != 0) map.Add(Range(MemoryLayout.HighStart, MemoryLayout.HighStart + layout.HighBytes, Usable));
        map.Sort(static (one, other) => one.Start.CompareTo(other.Start));
        return [.. map];
    }

    private static E820 Range(ulong start, ulong end, uint type) => new(start, end - start, type);
}
