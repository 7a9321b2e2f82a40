using System.Buffers.Binary;
using System.Text;
using Vitrine.Boot;
using Vitrine.Errors;
using Vitrine.Memory;
using Vitrine.X86;

namespace Vitrine.Acpi;

/// <summary>
/// The ACPI tables of the board: RSDP, RSDT, XSDT, FADT, FACS, MADT and DSDT (ACPI specification 6.3, chapter 5.2).
/// They lie in the BIOS area, so that operating systems that search for the RSDP find it too.
/// </summary>
internal static class AcpiTables
{
    /// <summary>Most processors that the MADT can name with 8-bit APIC ids; 255 is the broadcast id.</summary>
    internal const int MaxCpus = 255;

    private const int HeaderSize = 36;
    private const int RsdpSize = 36;
    private const int RsdpV1Size = 20;
    private const int FacsSize = 64;
    private const ulong Alignment = 64;

    /// <summary>Writes the tables.</summary>
    /// <param name="memory">Guest memory; RAM must back <see cref="MemoryLayout.AcpiTables"/>.</param>
    /// <param name="cpus">Number of processors; their local APIC ids are 0, 1, ...</param>
    /// <returns>The address of the RSDP.</returns>
    internal static ulong Write(GuestMemory memory, int cpus)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(cpus, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(cpus, MaxCpus);

        ulong rsdp = MemoryLayout.AcpiTables;
        ulong next = rsdp + RsdpSize;
        ulong Place(byte[] table)
        {
            ulong address = (next + Alignment - 1) & ~(Alignment - 1);
            next = address + (ulong)table.Length;
            Put(memory, address, table);
            return address;
        }

        ulong facs = Place(Facs());
        ulong dsdt = Place(Table("DSDT", 2, Dsdt.Build(cpus)));
        ulong fadt = Place(Table("FACP", Fadt.Revision, Fadt.Build((uint)facs, (uint)dsdt)));
        ulong madt = Place(Table("APIC", Madt.Revision, Madt.Build(cpus)));
        ulong rsdt = Place(Table("RSDT", 1, [.. Bytes32((uint)fadt), .. Bytes32((uint)madt)]));
        ulong xsdt = Place(Table("XSDT", 1, [.. Bytes64(fadt), .. Bytes64(madt)]));
        Put(memory, rsdp, Rsdp((uint)rsdt, xsdt));
        return rsdp;
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
    private static byte[] Table(string signature, byte revision, byte[] body)
    {
        byte[] table = new byte[HeaderSize + body.Length];
        Encoding.ASCII.GetBytes(signature, table);
        BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(4), (uint)table.Length);
        table[8] = revision;
        "VITRIN"u8.CopyTo(table.AsSpan(10));
        "MICROVM "u8.CopyTo(table.AsSpan(16));
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

    private static void Put(GuestMemory memory, ulong address, byte[] table)
    {
        if (address + (ulong)table.Length <= MemoryLayout.AcpiTablesEnd && memory.TryWrite(new Gpa(address), table)) return;
        throw VitrineException.User(
            ErrorCode.AcpiNoRoom,
            $"The ACPI tables don't fit: {table.Length} bytes at 0x{address:x}.",
            $"They lie below 0x{MemoryLayout.AcpiTablesEnd:x}, where the guest must have RAM.",
            "Give the guest at least 1 MiB of memory, and fewer processors.")
            .With("bytes", table.Length).With("address", address);
    }
}
