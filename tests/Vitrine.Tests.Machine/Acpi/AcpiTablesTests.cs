using System.Buffers.Binary;
using System.Text;
using Vitrine.Acpi;
using Vitrine.Boards;
using Vitrine.Devices.Acpi;
using Vitrine.Memory;
using Vitrine.Tests.Boards;
using Vitrine.Tests.Boot;
using Vitrine.X86;
using Xunit;

namespace Vitrine.Tests.Acpi;

/// <summary>Walks the tables as an operating system does; offsets are those of the ACPI specification 6.3.</summary>
public sealed class AcpiTablesTests : IDisposable
{
    private readonly GuestMemory _memory = new();

    public AcpiTablesTests() => _memory.Add("ram-low", new Gpa(0), 1 << 20);

    public void Dispose() => _memory.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(64)]
    [InlineData(255)]
    public void EveryTableIsReachableAndSumsToZero(int cpus)
    {
        ulong rsdp = Write(cpus);
        Assert.Equal(0UL, rsdp & 0xF);
        Assert.InRange(rsdp, 0xE_0000UL, 0xF_FFFFUL);
        byte[] root = Read(rsdp, 36);
        Assert.Equal("RSD PTR ", Encoding.ASCII.GetString(root, 0, 8));
        Assert.Equal(0, Sum(root.AsSpan(0, 20)));
        Assert.Equal(0, Sum(root));
        Assert.Equal(2, root[15]);
        Assert.Equal(36u, U32(root, 20));

        byte[] rsdt = Table(U32(root, 16), "RSDT");
        byte[] xsdt = Table(U64(root, 24), "XSDT");
        ulong[] entries = [.. Enumerable.Range(0, (xsdt.Length - 36) / 8).Select(i => U64(xsdt, 36 + i * 8))];
        Assert.Equal(entries, Enumerable.Range(0, (rsdt.Length - 36) / 4).Select(i => (ulong)U32(rsdt, 36 + i * 4)));
        Assert.Equal(["FACP", "APIC"], entries.Select(e => Encoding.ASCII.GetString(Read(e, 4))));

        byte[] fadt = Table(entries[0], "FACP");
        Assert.Equal(U32(fadt, 40), U64(fadt, 140));
        Table(U32(fadt, 40), "DSDT");
        ulong facs = U32(fadt, 36);
        Assert.Equal(0UL, facs & 63);
        Assert.Equal("FACS", Encoding.ASCII.GetString(Read(facs, 4)));
        Assert.Equal(64u, U32(Read(facs, 64), 4));
    }

    [Fact]
    public void TheFadtDescribesTheFixedHardware()
    {
        byte[] fadt = Find("FACP");
        Assert.Equal(276, fadt.Length);
        Assert.Equal(9, fadt[46]);
        Assert.Equal((0x600u, 0x604u, 0x608u), (U32(fadt, 56), U32(fadt, 64), U32(fadt, 76)));
        Assert.Equal((4, 2, 4), (fadt[88], fadt[89], fadt[91]));
        uint flags = U32(fadt, 112);
        Assert.True((flags & 1 << 10) != 0, "RESET_REG_SUP");
        Assert.True((flags & 1 << 20) == 0, "HW_REDUCED_ACPI");
        Assert.True((flags & 1 << 4) == 0, "PWR_BUTTON: the button is fixed hardware");
        Assert.True((flags & 1 << 8) != 0, "TMR_VAL_EXT: the timer has 32 bits");
        // A port of 8 bits, accessed as a byte.
        Assert.Equal(new byte[] { 1, 8, 0, 1, 0xF9, 0x0C, 0, 0, 0, 0, 0, 0, 6 }, fadt[116..129]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void TheMadtNamesProcessorsAndInterrupts(int cpus)
    {
        byte[] madt = Find("APIC", cpus);
        Assert.Equal(0xFEE0_0000u, U32(madt, 36));
        List<byte[]> entries = [];
        for (int at = 44; at < madt.Length; at += madt[at + 1]) entries.Add(madt[at..(at + madt[at + 1])]);
        Assert.Equal(Enumerable.Range(0, cpus), entries.Where(e => e[0] == 0).Select(e => (int)e[3]));
        Assert.Equal(new byte[] { 1, 12, 0, 0, 0x00, 0x00, 0xC0, 0xFE, 0, 0, 0, 0 }, Assert.Single(entries, e => e[0] == 1));
        // 5.2.12.5: polarity 01 is active high, trigger mode 11 (bits 3:2) is level.
        Assert.Equal([new byte[] { 2, 10, 0, 0, 2, 0, 0, 0, 0, 0 }, new byte[] { 2, 10, 0, 9, 9, 0, 0, 0, 0b1101, 0 }], entries.Where(e => e[0] == 2));
        Assert.Equal(new byte[] { 4, 6, 0xFF, 0, 0, 1 }, Assert.Single(entries, e => e[0] == 4));
    }

    [Fact]
    public void TheEncodingIsTheOneIaslProduces()
    {
        // From `iasl` on: Device (COM1) { Name (_HID, EisaId ("PNP0501")) Name (_CRS, ResourceTemplate () { IO (Decode16, 0x3F8, 0x3F8, 1, 8) IRQNoFlags () { 4 } }) }
        byte[] expected = Convert.FromHexString("5B8225434F4D31085F4849440C41D00501085F43525311100A0D4701F803F80301082210007900");
        byte[] actual = Aml.Device(
            "COM1",
            Aml.Name("_HID", Aml.EisaId("PNP0501")),
            Aml.Name("_CRS", Aml.ResourceTemplate(Aml.Io(0x3F8, 8), Aml.Interrupt(4))));
        Assert.Equal(expected, actual);
    }

    [Theory]
    // 20.2.4: the length counts its own bytes.
    [InlineData(57, "3F")]
    [InlineData(58, "4104")]
    [InlineData(4088, "4FFF")]
    [InlineData(4089, "810001")]
    public void PackageLengths(int text, string expected)
    {
        byte[] scope = Aml.Scope("ABCD", Aml.String(new string('x', text - 1)));
        byte[] length = Convert.FromHexString(expected);
        Assert.Equal(length, scope[1..(1 + length.Length)]);
        Assert.Equal((byte)'A', scope[1 + length.Length]);
    }

    [Fact]
    public void IaslDisassemblesTheTables()
    {
        Assert.SkipWhen(HostProgram.Find("iasl") is null, "iasl is not installed (Debian package acpica-tools)");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("vitrine-acpi-");
        try
        {
            foreach (string name in new[] { "FACP", "APIC", "DSDT", "XSDT" })
            {
                File.WriteAllBytes(Path.Combine(folder.FullName, name + ".dat"), Find(name, 2));
                (int status, string output, string errors) = HostProgram.Run("iasl", $"-d {name}.dat", folder.FullName, []);
                output += errors;
                Assert.True(status == 0, output);
                Assert.DoesNotContain("rror", output, StringComparison.Ordinal);
                Assert.DoesNotContain("arning", output, StringComparison.Ordinal);
            }

            string dsl = File.ReadAllText(Path.Combine(folder.FullName, "DSDT.dsl"));
            foreach (string term in new[] { "Name (\\_S5", "EisaId (\"PNP0501\")", "EisaId (\"PNP0B00\")", "EisaId (\"PNP0303\")", "0x03F8,             // Range Minimum", "{4}", "ACPI0007" })
            {
                Assert.Contains(term, dsl, StringComparison.Ordinal);
            }

            // What it disassembled compiles to what we wrote.
            (int compiled, string messages, _) = HostProgram.Run("iasl", "-oa -p again DSDT.dsl", folder.FullName, []);
            Assert.True(compiled == 0, messages);
            Assert.Equal(Find("DSDT", 2)[36..], File.ReadAllBytes(Path.Combine(folder.FullName, "again.aml"))[36..]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private ulong Write(int cpus) =>
        AcpiTables.Write(_memory, MemoryLayout.AcpiTables, MemoryLayout.AcpiTablesEnd, BareBoard.Describe(BoardModel.Microvm, cpus: cpus).Acpi);

    private byte[] Find(string signature, int cpus = 1)
    {
        byte[] root = Read(Write(cpus), 36);
        byte[] xsdt = Table(U64(root, 24), "XSDT");
        byte[] fadt = Table(U64(xsdt, 36), "FACP");
        return signature switch
        {
            "XSDT" => xsdt,
            "FACP" => fadt,
            "DSDT" => Table(U32(fadt, 40), "DSDT"),
            _ => Table(U64(xsdt, 44), signature),
        };
    }

    private byte[] Table(ulong address, string signature)
    {
        byte[] table = Read(address, (int)U32(Read(address, 36), 4));
        Assert.Equal(signature, Encoding.ASCII.GetString(table, 0, 4));
        Assert.Equal(0, Sum(table));
        Assert.True(address + (ulong)table.Length <= MemoryLayout.AcpiTablesEnd);
        return table;
    }

    private byte[] Read(ulong address, int length)
    {
        byte[] bytes = new byte[length];
        Assert.True(_memory.TryRead(new Gpa(address), bytes));
        return bytes;
    }

    private static byte Sum(ReadOnlySpan<byte> bytes)
    {
        byte sum = 0;
        foreach (byte value in bytes) sum += value;
        return sum;
    }

    private static uint U32(byte[] bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(offset));

    private static ulong U64(byte[] bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(offset));
}
