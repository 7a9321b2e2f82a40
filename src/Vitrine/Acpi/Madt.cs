using Vitrine.Devices.Interrupts;

namespace Vitrine.Acpi;

/// <summary>Multiple APIC Description Table (ACPI 6.3, 5.2.12): processors, IOAPIC, and how ISA interrupts reach it.</summary>
internal static class Madt
{
    /// <summary>Table revision: ACPI 6.</summary>
    internal const byte Revision = 4;

    private const byte DualPics = 1;
    private const byte Enabled = 1;
    private const byte IsaBus = 0;
    private const byte AllProcessors = 0xFF;
    private const byte Lint1 = 1;
    private const byte ConformsToBus = 0;
    private const byte ActiveHighLevel = 0x0D;

    /// <summary>The table without its header.</summary>
    internal static byte[] Build(AcpiHardware hardware) =>
    [
        .. Bytes32((uint)hardware.LocalApic), DualPics, 0, 0, 0,
        .. Enumerable.Range(0, hardware.Cpus).SelectMany(static id => LocalApic((byte)id)),
        .. IoApic(0, (uint)hardware.Ioapic, 0),
        .. InterruptOverride(InterruptRouter.TimerLine, InterruptRouter.TimerGlobalInterrupt, ConformsToBus),
        .. hardware.Fixed.ControlInterrupt is { } sci ? InterruptOverride((byte)sci, (uint)sci, ActiveHighLevel) : [],
        .. LocalApicNmi(),
    ];

    private static byte[] LocalApic(byte id) => [0, 8, id, id, Enabled, 0, 0, 0];

    private static byte[] IoApic(byte id, uint address, uint firstInterrupt) => [1, 12, id, 0, .. Bytes32(address), .. Bytes32(firstInterrupt)];

    private static byte[] InterruptOverride(byte isaInterrupt, uint input, byte flags) => [2, 10, IsaBus, isaInterrupt, .. Bytes32(input), flags, 0];

    private static byte[] LocalApicNmi() => [4, 6, AllProcessors, ConformsToBus, 0, Lint1];

    private static byte[] Bytes32(uint value) => [(byte)value, (byte)(value >> 8), (byte)(value >> 16), (byte)(value >> 24)];
}
