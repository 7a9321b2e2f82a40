using Vitrine.Devices.Acpi;

namespace Vitrine.Acpi;

/// <summary>What the ACPI tables of a board are generated from.</summary>
internal sealed record AcpiHardware
{
    /// <summary>Name of the board, at most 8 ASCII characters: the tables' OEM table id.</summary>
    public required string BoardName { get; init; }

    /// <summary>Number of processors; their local APIC ids are 0, 1, ...</summary>
    public required int Cpus { get; init; }

    /// <summary>Address of the local APICs' registers.</summary>
    public required ulong LocalApic { get; init; }

    /// <summary>Address of the IOAPIC's registers.</summary>
    public required ulong Ioapic { get; init; }

    /// <summary>What the FADT says.</summary>
    public required AcpiFixedHardware Fixed { get; init; }

    /// <summary>The devices of the namespace, in order.</summary>
    public required IReadOnlyList<AcpiDevice> Devices { get; init; }
}
