using System.Globalization;
using Vitrine.Devices;
using Vitrine.Devices.Acpi;

namespace Vitrine.Acpi;

/// <summary>A board's devices as ACPI sees them, for drivers that look for them nowhere else.</summary>
internal static class Dsdt
{
    // An EISA id is three letters and four hexadecimal digits; ACPI's own are longer and strings (ACPI 6.3, 6.1.5).
    private const int EisaIdLength = 7;

    /// <summary>The AML of the definition block.</summary>
    internal static byte[] Build(AcpiHardware hardware)
    {
        byte[] system = Aml.Scope(@"\_SB", [.. hardware.Devices.Select(Device), .. Enumerable.Range(0, hardware.Cpus).Select(Processor)]);

        // \_S5: SLP_TYP for PM1a and PM1b, two reserved elements (ACPI 6.3, 7.4.2).
        return hardware.Fixed.SoftOffSleepType is { } type
            ? [.. Aml.Name(@"\_S5", Aml.Package(Aml.Integer(type), Aml.Integer(type), Aml.Integer(0), Aml.Integer(0))), .. system]
            : system;
    }

    private static byte[] Device(AcpiDevice device)
    {
        string id = device.Device.AcpiHardwareId;
        List<byte[]> objects = [Aml.Name("_HID", id.Length == EisaIdLength ? Aml.EisaId(id) : Aml.String(id))];
        if (device.Uid is { } uid) objects.Add(Aml.Name("_UID", Aml.Integer((uint)uid)));
        objects.Add(Aml.Name("_CRS", Resources(device.Resources)));
        return Aml.Device(device.Name, [.. objects, .. device.Device.AcpiObjects]);
    }

    private static byte[] Resources(DeviceResources resources) => Aml.ResourceTemplate(
    [
        .. resources.Ports.Select(static range => Aml.Io(checked((ushort)range.First), checked((byte)range.Count))),
        .. resources.Memory.Select(static range => Aml.Memory32Fixed(checked((uint)range.Start), checked((uint)range.Length))),
        .. resources.Interrupts.Select(Aml.Interrupt),
    ]);

    // The _UID is what ties the device to its local APIC in the MADT.
    private static byte[] Processor(int number) => Aml.Device(
        "C" + number.ToString("X3", CultureInfo.InvariantCulture),
        Aml.Name("_HID", Aml.String("ACPI0007")),
        Aml.Name("_UID", Aml.Integer((uint)number)));
}
