using System.Globalization;
using Vitrine.Devices.Power;

namespace Vitrine.Acpi;

/// <summary>The board's devices as ACPI sees them, for drivers that look for them nowhere else.</summary>
internal static class Dsdt
{
    /// <summary>The AML of the definition block.</summary>
    /// <param name="cpus">Number of processors.</param>
    internal static byte[] Build(int cpus)
    {
        byte[][] devices =
        [
            Aml.Device(
                "COM1",
                Aml.Name("_HID", Aml.EisaId("PNP0501")),
                Aml.Name("_UID", Aml.Integer(1)),
                Aml.Name("_CRS", Aml.ResourceTemplate(Aml.Io(0x3F8, 8), Aml.Irq(4)))),
            Aml.Device(
                "RTC",
                Aml.Name("_HID", Aml.EisaId("PNP0B00")),
                Aml.Name("_CRS", Aml.ResourceTemplate(Aml.Io(0x70, 2), Aml.Irq(8)))),
            Aml.Device(
                "KBD",
                Aml.Name("_HID", Aml.EisaId("PNP0303")),
                Aml.Name("_CRS", Aml.ResourceTemplate(Aml.Io(0x60, 1), Aml.Io(0x64, 1), Aml.Irq(1)))),
            .. Enumerable.Range(0, cpus).Select(Processor),
        ];

        // \_S5: SLP_TYP for PM1a and PM1b, two reserved elements (ACPI 6.3, 7.4.2).
        byte[] softOff = Aml.Package(Aml.Integer(AcpiPowerManagementRegisters.SleepTypeS5), Aml.Integer(AcpiPowerManagementRegisters.SleepTypeS5), Aml.Integer(0), Aml.Integer(0));
        return [.. Aml.Name(@"\_S5", softOff), .. Aml.Scope(@"\_SB", devices)];
    }

    // The _UID is what ties the device to its local APIC in the MADT.
    private static byte[] Processor(int number) => Aml.Device(
        "C" + number.ToString("X3", CultureInfo.InvariantCulture),
        Aml.Name("_HID", Aml.String("ACPI0007")),
        Aml.Name("_UID", Aml.Integer((uint)number)));
}
