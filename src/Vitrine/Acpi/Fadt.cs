using System.Buffers.Binary;

namespace Vitrine.Acpi;

/// <summary>
/// Fixed ACPI Description Table (ACPI 6.3, 5.2.9): where the fixed hardware is. Full hardware, not hardware-reduced,
/// because the legacy devices of the board are there.
/// </summary>
internal static class Fadt
{
    /// <summary>Table revision: ACPI 6.</summary>
    internal const byte Revision = 6;

    /// <summary>Ports of the PM1a event block: status, then enable, 16 bits each.</summary>
    internal const ushort Pm1aEventBlock = 0x600;

    /// <summary>Port of the PM1a control register, 16 bits.</summary>
    internal const ushort Pm1aControlBlock = 0x604;

    /// <summary>Port of the power management timer, 32 bits.</summary>
    internal const ushort PmTimerBlock = 0x608;

    /// <summary>ISA interrupt of the system control interrupt.</summary>
    internal const ushort SciInterrupt = 9;

    /// <summary>Port of the reset register.</summary>
    internal const ushort ResetPort = 0xCF9;

    /// <summary>What a write to the reset register must be: full reset, as the PIIX and its successors have it.</summary>
    internal const byte ResetValue = 6;

    private const int Size = 276;
    private const int HeaderSize = 36;

    // Flags (table 5-35).
    private const uint Wbinvd = 1 << 0;
    private const uint ProcC1 = 1 << 2;
    private const uint PowerButtonIsNotFixed = 1 << 4;
    private const uint SleepButtonIsNotFixed = 1 << 5;
    private const uint RtcWakeIsNotFixed = 1 << 6;
    private const uint ResetRegisterSupported = 1 << 10;

    // IAPC_BOOT_ARCH (table 5-36).
    private const ushort LegacyDevices = 1 << 0;
    private const ushort KeyboardController8042 = 1 << 1;
    private const ushort VgaNotPresent = 1 << 2;
    private const ushort PcieAspmControls = 1 << 4;

    private const ushort NoC2 = 101;
    private const ushort NoC3 = 1001;
    private const byte CmosCenturyIndex = 0x32;

    /// <summary>The table without its header.</summary>
    /// <param name="facs">Address of the FACS.</param>
    /// <param name="dsdt">Address of the DSDT.</param>
    internal static byte[] Build(uint facs, uint dsdt)
    {
        byte[] table = new byte[Size];
        Put32(table, 36, facs);
        Put32(table, 40, dsdt);
        Put16(table, 46, SciInterrupt);

        // SMI_CMD (48) stays zero: the machine is in ACPI mode from the start.
        Put32(table, 56, Pm1aEventBlock);
        Put32(table, 64, Pm1aControlBlock);
        Put32(table, 76, PmTimerBlock);
        table[88] = 4;
        table[89] = 2;
        table[91] = 4;
        Put16(table, 96, NoC2);
        Put16(table, 98, NoC3);
        table[108] = CmosCenturyIndex;
        Put16(table, 109, LegacyDevices | KeyboardController8042 | VgaNotPresent | PcieAspmControls);
        Put32(table, 112, Wbinvd | ProcC1 | PowerButtonIsNotFixed | SleepButtonIsNotFixed | RtcWakeIsNotFixed | ResetRegisterSupported);
        PutPort(table, 116, ResetPort, 8, accessSize: 1);
        table[128] = ResetValue;
        table[131] = 3;

        // X_FIRMWARE_CTRL (132) must be zero when FIRMWARE_CTRL isn't.
        Put64(table, 140, dsdt);
        PutPort(table, 148, Pm1aEventBlock, 32, accessSize: 2);
        PutPort(table, 172, Pm1aControlBlock, 16, accessSize: 2);
        PutPort(table, 208, PmTimerBlock, 32, accessSize: 3);
        return table[HeaderSize..];
    }

    // 5.2.3.2 "Generic Address Structure".
    private static void PutPort(byte[] table, int offset, ushort port, byte bits, byte accessSize)
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
