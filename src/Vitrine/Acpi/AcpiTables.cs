using System.Buffers.Binary;
using System.Text;
using Vitrine.Errors;
using Vitrine.Memory;
using Vitrine.X86;

namespace Vitrine.Acpi;

/// <summary>
/// The ACPI tables of a board, generated from what is attached to it: RSDP, RSDT, XSDT, FADT, FACS, MADT and DSDT (ACPI specification 6.3, chapter 5.2).
/// </summary>
internal static class AcpiTables
{
    /// <summary>Most processors that the MADT can name with 8-bit APIC ids; 255 is the broadcast id.</summary>
    internal const int MaxCpus = 255;

    private const int HeaderSize = 36;
    private const int RsdpSize = 36;
    private const int RsdpV1Size = 20;
    private const int FacsSize = 64;
    private const int OemTableIdLength = 8;
    private const ulong Alignment = 64;

    /// <summary>Writes the tables.</summary>
    /// <param name="memory">Guest memory; RAM must back the area.</param>
    /// <param name="start">Where they begin, with the RSDP: a multiple of 16, in the BIOS area if systems are to find it by searching.</param>
    /// <param name="end">Where they must have ended.</param>
    /// <param name="hardware">What they describe.</param>
    /// <returns>The address of the RSDP.</returns>
    internal static ulong Write(GuestMemory memory, ulong start, ulong end, AcpiHardware hardware)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(hardware.Cpus, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(hardware.Cpus, MaxCpus);

        ulong next = start + RsdpSize;
        ulong Place(byte[] table)
        {
            ulong address = (next + Alignment - 1) & ~(Alignment - 1);
            next = address + (ulong)table.Length;
            Put(memory, address, end, table);
            return address;
        }

        byte[] Table(string signature, byte revision, byte[] body) => WithHeader(signature, revision, hardware.BoardName, body);

        ulong facs = Place(Facs());
        ulong dsdt = Place(Table("DSDT", 2, Dsdt.Build(hardware)));
        ulong fadt = Place(Table("FACP", Fadt.Revision, Fadt.Build(hardware.Fixed, (uint)facs, (uint)dsdt)));
        ulong madt = Place(Table("APIC", Madt.Revision, Madt.Build(hardware)));
        ulong rsdt = Place(Table("RSDT", 1, [.. Bytes32((uint)fadt), .. Bytes32((uint)madt)]));
        ulong xsdt = Place(Table("XSDT", 1, [.. Bytes64(fadt), .. Bytes64(madt)]));
        Put(memory, start, end, Rsdp((uint)rsdt, xsdt));
        return start;
    }

    // 5.2.5.3: the first checksum covers the 20 bytes of ACPI 1.0, the second one all.
    private static byte[] Rsdp(uint rsdt, ulong xsdt)
    {
        byte[] rsdp = new byte[RsdpSize];
        "RSD PTR "u8.CopyTo(rsdp);
        "VITRIN"u8.CopyTo(rsdp.AsSpan(9));
        rsdp[15] = 2;
        BinaryPrimitives.WriteUInt32LittleEndian(rsdp.AsSpan(16), rsdt);
        BinaryPrimitives.WriteUInt32LittleEndian(rsdp.AsSpan(20), RsdpSize);
        BinaryPrimitives.WriteUInt64LittleEndian(rsdp.AsSpan(24), xsdt);
        rsdp[8] = Checksum(rsdp.AsSpan(0, RsdpV1Size));
        rsdp[32] = Checksum(rsdp);
        return rsdp;
    }

    // 5.2.10: no checksum; the rest (waking vectors, global lock, flags) starts as zero.
    private static byte[] Facs()
    {
        byte[] facs = new byte[FacsSize];
        "FACS"u8.CopyTo(facs);
        BinaryPrimitives.WriteUInt32LittleEndian(facs.AsSpan(4), FacsSize);
        facs[32] = 2;
        return facs;
    }

    // 5.2.6 "System Description Table Header".
    private static byte[] WithHeader(string signature, byte revision, string board, byte[] body)
    {
        byte[] table = new byte[HeaderSize + body.Length];
        Encoding.ASCII.GetBytes(signature, table);
        BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(4), (uint)table.Length);
        table[8] = revision;
        "VITRIN"u8.CopyTo(table.AsSpan(10));
        Encoding.ASCII.GetBytes(board.ToUpperInvariant().PadRight(OemTableIdLength), table.AsSpan(16, OemTableIdLength));
        BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(24), 1);
        "VTRN"u8.CopyTo(table.AsSpan(28));
        BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(32), 1);
        body.CopyTo(table.AsSpan(HeaderSize));
        table[9] = Checksum(table);
        return table;
    }

    private static byte Checksum(ReadOnlySpan<byte> bytes)
    {
        byte sum = 0;
        foreach (byte value in bytes) sum += value;
        return (byte)-sum;
    }

    private static byte[] Bytes32(uint value) => [(byte)value, (byte)(value >> 8), (byte)(value >> 16), (byte)(value >> 24)];

    private static byte[] Bytes64(ulong value) => [.. Bytes32((uint)value), .. Bytes32((uint)(value >> 32))];

    private static void Put(GuestMemory memory, ulong address, ulong end, byte[] table)
    {
        if (address + (ulong)table.Length <= end && memory.TryWrite(new Gpa(address), table)) return;
        throw VitrineException.User(
            ErrorCode.AcpiNoRoom,
            $"The ACPI tables don't fit: {table.Length} bytes at 0x{address:x}.",
            $"They lie below 0x{end:x}, where the guest must have RAM.",
            "Give the guest at least 1 MiB of memory, and fewer processors.")
            .With("bytes", table.Length).With("address", address);
    }
}
