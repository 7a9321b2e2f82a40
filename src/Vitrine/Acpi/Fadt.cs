using System.Buffers.Binary;
using Vitrine.Devices.Acpi;

namespace Vitrine.Acpi;

/// <summary>
/// Fixed ACPI Description Table (ACPI 6.3, 5.2.9): where the fixed hardware is. A board without PM1 registers is hardware-reduced.
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
    private const uint HardwareReduced = 1 << 20;

    // IAPC_BOOT_ARCH (table 5-36).
    private const ushort LegacyDevices = 1 << 0;
    private const ushort KeyboardController8042 = 1 << 1;
    private const ushort VgaNotPresent = 1 << 2;
    private const ushort PcieAspmControls = 1 << 4;

    private const ushort NoC2 = 101;
    private const ushort NoC3 = 1001;

    /// <summary>The table without its header.</summary>
    /// <param name="hardware">What the board has.</param>
    /// <param name="facs">Address of the FACS.</param>
    /// <param name="dsdt">Address of the DSDT.</param>
    internal static byte[] Build(AcpiFixedHardware hardware, uint facs, uint dsdt)
    {
        byte[] table = new byte[Size];
        Put32(table, 36, facs);
        Put32(table, 40, dsdt);
        Put16(table, 46, (ushort)(hardware.ControlInterrupt ?? 0));

        // SMI_CMD (48) stays zero: the machine is in ACPI mode from the start.
        PutBlock(table, 56, 88, 148, hardware.EventBlock, accessSize: 2);
        PutBlock(table, 64, 89, 172, hardware.ControlBlock, accessSize: 2);
        PutBlock(table, 76, 91, 208, hardware.TimerBlock, accessSize: 3);
        Put16(table, 96, NoC2);
        Put16(table, 98, NoC3);
        table[108] = hardware.CenturyRegister;
        Put16(table, 109, (ushort)(LegacyDevices | (hardware.HasKeyboardController ? KeyboardController8042 : 0) | VgaNotPresent | PcieAspmControls));
        uint flags = Wbinvd | ProcC1 | SleepButtonIsNotFixed | RtcWakeIsNotFixed;
        if (hardware.TimerBlock is not null) flags |= TimerHas32Bits;
        if (hardware.EventBlock is null) flags |= HardwareReduced;
        if (hardware.ResetRegister is { } reset)
        {
            flags |= ResetRegisterSupported;
            PutAddress(table, 116, reset, accessSize: 1);
            table[128] = hardware.ResetValue;
        }

        Put32(table, 112, flags);
        table[131] = 3;

        // X_FIRMWARE_CTRL (132) must be zero when FIRMWARE_CTRL isn't.
        Put64(table, 140, dsdt);
        return table[HeaderSize..];
    }

    // A register block stands in the table three times: the port, the length, and the extended address.
    private static void PutBlock(byte[] table, int port, int length, int extended, AcpiRegister? block, byte accessSize)
    {
        if (block is not { } register) return;
        Put32(table, port, (uint)register.Port);
        table[length] = (byte)register.Length;
        PutAddress(table, extended, register, accessSize);
    }

    // 5.2.3.2 "Generic Address Structure".
    private static void PutAddress(byte[] table, int offset, AcpiRegister register, byte accessSize)
    {
        const byte SystemIo = 1;
        table[offset] = SystemIo;
        table[offset + 1] = (byte)(register.Length * 8);
        table[offset + 3] = accessSize;
        Put64(table, offset + 4, (ulong)register.Port);
    }

    private static void Put16(byte[] table, int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(table.AsSpan(offset), value);

    private static void Put32(byte[] table, int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(offset), value);

    private static void Put64(byte[] table, int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(table.AsSpan(offset), value);
}
