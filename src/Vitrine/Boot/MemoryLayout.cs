using Vitrine.X86;

namespace Vitrine.Boot;

/// <summary>Where the board puts RAM and its fixed structures, for loaders and tables.</summary>
/// <param name="MemoryBytes">Guest RAM in all.</param>
public sealed record MemoryLayout(ulong MemoryBytes)
{
    /// <summary>RAM below 4 GiB ends here at the latest; the rest goes above 4 GiB.</summary>
    public const ulong HoleStart = 0xC000_0000;

    /// <summary>RAM above the hole starts here.</summary>
    public const ulong HighStart = 0x1_0000_0000;

    /// <summary>IOAPIC registers.</summary>
    public const ulong IoapicBase = 0xFEC0_0000;

    /// <summary>Local APIC registers.</summary>
    public const ulong LocalApicBase = 0xFEE0_0000;

    /// <summary>ACPI tables, in the BIOS area where the RSDP is looked for.</summary>
    public const ulong AcpiTables = 0xE_0000;

    /// <summary>End of the area for ACPI tables.</summary>
    public const ulong AcpiTablesEnd = LegacyBiosArea.Code;

    /// <summary>Base and extended BIOS data, VGA and option ROM hole: not usable RAM.</summary>
    public const ulong LegacyHoleStart = 0x9_FC00;

    /// <summary>RAM is usable again from here.</summary>
    public const ulong LegacyHoleEnd = 0x10_0000;

    /// <summary>Bytes of RAM below the hole.</summary>
    public ulong LowBytes => Math.Min(MemoryBytes, HoleStart);

    /// <summary>Bytes of RAM from <see cref="HighStart"/>.</summary>
    public ulong HighBytes => MemoryBytes - LowBytes;

    /// <summary>First address of RAM above the hole.</summary>
    public static Gpa High => new(HighStart);
}
