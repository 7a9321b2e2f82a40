using System.Buffers.Binary;
using Vitrine.Devices.Power;
using Vitrine.Devices.Timing;
using static Vitrine.Devices.Power.AcpiPowerManagementRegisters;

namespace Vitrine.Acpi;

/// <summary>
/// Fixed ACPI Description Table (ACPI 6.3, 5.2.9): where the fixed hardware is. Full hardware, not hardware-reduced,
/// because the legacy devices of the board are there.
/// </summary>
internal static class Fadt
{
    /// <summary>Table revision: ACPI 6.</summary>
    internal const byte Revision = 6;

    private const int Size = 276;
    private const int HeaderSize = 36;

    // Flags (table 5-35).
    private const uint Wbinvd = 1 << 0;
    private const uint ProcC1 = 1 << 2;
    private const uint SleepButtonIsNotFixed = 1 << 5;
    private const uint RtcWakeIsNotFixed = 1 << 6;
    private const uint TimerHas32Bits = 1 << 8;
    private const uint ResetRegisterSupported = 1 << 10;

    // IAPC_BOOT_ARCH (table 5-36).
    private const ushort LegacyDevices = 1 << 0;
    private const ushort KeyboardController8042 = 1 << 1;
    private const ushort VgaNotPresent = 1 << 2;
    private const ushort PcieAspmControls = 1 << 4;

    private const ushort NoC2 = 101;
    private const ushort NoC3 = 1001;

    /// <summary>The table without its header.</summary>
    /// <param name="facs">Address of the FACS.</param>
    /// <param name="dsdt">Address of the DSDT.</param>
    internal static byte[] Build(uint facs, uint dsdt)
    {
        byte[] table = new byte[Size];
        Put32(table, 36, facs);
        Put32(table, 40, dsdt);
        Put16(table, 46, Interrupt);

        // SMI_CMD (48) stays zero: the machine is in ACPI mode from the start.
        Put32(table, 56, EventBlock);
        Put32(table, 64, ControlBlock);
        Put32(table, 76, TimerBlock);
        table[88] = EventBlockLength;
        table[89] = ControlBlockLength;
        table[91] = TimerBlockLength;
        Put16(table, 96, NoC2);
        Put16(table, 98, NoC3);
        table[108] = CmosRtcRegisters.Century;
        Put16(table, 109, LegacyDevices | KeyboardController8042 | VgaNotPresent | PcieAspmControls);
        Put32(table, 112, Wbinvd | ProcC1 | SleepButtonIsNotFixed | RtcWakeIsNotFixed | TimerHas32Bits | ResetRegisterSupported);
        PutPort(table, 116, ResetControlRegisters.Port, 8, accessSize: 1);
        table[128] = ResetControlRegisters.ResetValue;
        table[131] = 3;

        // X_FIRMWARE_CTRL (132) must be zero when FIRMWARE_CTRL isn't.
        Put64(table, 140, dsdt);
        PutPort(table, 148, EventBlock, 32, accessSize: 2);
        PutPort(table, 172, ControlBlock, 16, accessSize: 2);
        PutPort(table, 208, TimerBlock, 32, accessSize: 3);
        return table[HeaderSize..];
    }

    // 5.2.3.2 "Generic Address Structure".
    private static void PutPort(byte[] table, int offset, uint port, byte bits, byte accessSize)
    {
        const byte SystemIo = 1;
        table[offset] = SystemIo;
        table[offset + 1] = bits;
        table[offset + 3] = accessSize;
        Put64(table, offset + 4, port);
    }

    private static void Put16(byte[] table, int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(table.AsSpan(offset), value);

    private static void Put32(byte[] table, int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(offset), value);

    private static void Put64(byte[] table, int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(table.AsSpan(offset), value);
}
