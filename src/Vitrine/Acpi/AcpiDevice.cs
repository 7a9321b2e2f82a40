using Vitrine.Devices;
using Vitrine.Devices.Acpi;

namespace Vitrine.Acpi;

/// <summary>A device of the ACPI namespace.</summary>
/// <param name="Name">Its name under \_SB.</param>
/// <param name="Uid">_UID; null for none.</param>
/// <param name="Device">Says what kind of device it is.</param>
/// <param name="Resources">Becomes _CRS.</param>
internal sealed record AcpiDevice(string Name, int? Uid, IAcpiDevice Device, DeviceResources Resources);
