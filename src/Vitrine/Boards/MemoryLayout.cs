using Vitrine.Devices;
using Vitrine.X86;

namespace Vitrine.Boards;

/// <summary>Where a board has RAM and what it keeps for itself: for memory slots, loaders and the map that a guest is told.</summary>
/// <param name="MemoryBytes">Guest RAM in all.</param>
/// <param name="LowRamLimit">RAM below 4 GiB ends here at the latest; the rest goes above 4 GiB. A multiple of 4 KiB, above 1 MiB.</param>
/// <param name="Reserved">Ranges above 1 MiB, outside RAM, that the guest must leave alone, by ascending address.</param>
internal sealed record MemoryLayout(ulong MemoryBytes, ulong LowRamLimit, IReadOnlyList<MmioRange> Reserved)
{
    /// <summary>4 GiB: RAM above the hole starts here, and firmware ends here.</summary>
    public const ulong HighStart = 0x1_0000_0000;

    /// <summary>Local APIC registers, where every PC has them after a reset (SDM vol. 3, "Local APIC Status and Location").</summary>
    public const ulong LocalApicBase = 0xFEE0_0000;

    /// <summary>ACPI tables, in the BIOS area where the RSDP is looked for.</summary>
    public const ulong AcpiTables = 0xE_0000;

    /// <summary>End of the area for ACPI tables: what a BIOS leaves in memory lies from here to 1 MiB.</summary>
    public const ulong AcpiTablesEnd = 0xF_F000;

    /// <summary>Base and extended BIOS data, VGA and option ROM hole: not usable RAM.</summary>
    public const ulong LegacyHoleStart = 0x9_FC00;

    /// <summary>RAM is usable again from here.</summary>
    public const ulong LegacyHoleEnd = 0x10_0000;

    /// <summary>Bytes of RAM below the hole.</summary>
    public ulong LowBytes => Math.Min(MemoryBytes, LowRamLimit);

    /// <summary>Bytes of RAM from <see cref="HighStart"/>.</summary>
    public ulong HighBytes => MemoryBytes - LowBytes;

    /// <summary>First address of RAM above the hole.</summary>
    public static Gpa High => new(HighStart);

    /// <summary>True when a range lies in RAM as a whole.</summary>
    /// <param name="start">First address.</param>
    /// <param name="length">Bytes; 0 lies in RAM where <paramref name="start"/> does, or directly behind it.</param>
    public bool IsRam(ulong start, ulong length) =>
        start <= LowBytes
            ? length <= LowBytes - start
            : start >= HighStart && start - HighStart <= HighBytes && length <= HighBytes - (start - HighStart);

    /// <summary>True when some byte of a range lies in RAM.</summary>
    /// <param name="start">First address.</param>
    /// <param name="length">Bytes, at least 1.</param>
    public bool TouchesRam(ulong start, ulong length)
    {
        ulong last = start + (length - 1);
        return start < LowBytes || (last >= HighStart && HighBytes != 0 && start - Math.Min(start, HighStart) < HighBytes);
    }
}
