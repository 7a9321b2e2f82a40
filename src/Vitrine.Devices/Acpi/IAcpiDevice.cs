namespace Vitrine.Devices.Acpi;

/// <summary>
/// A device that an operating system finds through the ACPI namespace (ACPI specification 6.3, chapter 6). What kind of device it is, it knows itself; its
/// place in the namespace and its resources are the board's.
/// </summary>
public interface IAcpiDevice
{
    /// <summary>_HID: an EISA id of three letters and four hexadecimal digits, such as PNP0501, or an ACPI id of eight characters, such as LNRO0005.</summary>
    string AcpiHardwareId { get; }

    /// <summary>Further objects of the device, encoded by <see cref="Aml"/>: names, methods. _HID, _UID and _CRS are not among them.</summary>
    IReadOnlyList<byte[]> AcpiObjects => [];
}
