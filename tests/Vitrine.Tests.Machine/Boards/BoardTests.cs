using System.Text;
using Vitrine.Acpi;
using Vitrine.Boards;
using Vitrine.Boot;
using Vitrine.Devices.Acpi;
using Vitrine.Devices.Debug;
using Vitrine.Memory;
using Vitrine.Tests.Boot;
using Vitrine.Tests.Guests;
using Vitrine.X86;
using Xunit;

namespace Vitrine.Tests.Boards;

/// <summary>A board's declaration is the one place of its numbers: buses, firmware tables and memory map follow from it.</summary>
public sealed class BoardTests
{
    [Theory]
    [InlineData(AcceleratorChoice.Kvm)]
    [InlineData(AcceleratorChoice.Soft)]
    public void AGuestRunsOnAnotherBoard(AcceleratorChoice accelerator)
    {
        PresentAccelerators.SkipUnlessPresent(accelerator);
        StringBuilder shown = new();
        using VirtualMachine machine = VirtualMachine.Create(new MachineConfig
        {
            Board = new SmallBoard(),
            // mov al, 2Ah; mov [D0000000h], eax; mov eax, [D0000000h]; mov dx, 2E8h; out dx, al; out F4h, al; hlt
            Boot = new BootSource.FlatBytes(
                new byte[] { 0xB8, 0x2A, 0, 0, 0, 0xA3, 0, 0, 0, 0xD0, 0xA1, 0, 0, 0, 0xD0, 0x66, 0xBA, 0xE8, 0x02, 0xEE, 0xE6, 0xF4, 0xF4 },
                new Gpa(0x10_0000), 0x10_0000, FlatMode.Protected),
            MemoryBytes = 2 << 20,
            Accelerator = accelerator,
            SerialOutput = bytes => shown.Append(Encoding.ASCII.GetString(bytes)),
        });
        machine.Start();
        VmEnd? end = machine.Wait(TimeSpan.FromSeconds(60));
        Assert.Equal((VmEndReason.DebugExit, 0x2Au, "*"), (end?.Reason, end?.Value, shown.ToString()));
    }

    [Fact]
    public void FirmwareTablesFollowFromWhatIsAttached()
    {
        BoardDescription board = BareBoard.Describe(new SmallBoard(), cpus: 2);
        byte[] dsdt = Dsdt.Build(board.Acpi);
        byte[] serial = Aml.Device(
            "COM4", Aml.Name("_HID", Aml.EisaId("PNP0501")), Aml.Name("_UID", Aml.Integer(4)), Aml.Name("_CRS", Aml.ResourceTemplate(Aml.Io(0x2E8, 8), Aml.Interrupt(3))));

        // ACPI 6.3, 6.4.3.4 (32-bit fixed memory range) and 6.4.3.6 (extended interrupt, consumer, level, active high).
        byte[] resources = Convert.FromHexString("86090001" + "000000D0" + "00100000" + "8906000101" + "14000000");
        byte[] counter = Aml.Device(
            "CNT", Aml.Name("_HID", Aml.String("TEST0001")), Aml.Name("_CRS", Aml.ResourceTemplate(resources)), Aml.Name("_CCA", Aml.Integer(1)));
        Assert.True(dsdt.AsSpan().IndexOf([.. serial, .. counter]) > 0);
        Assert.True(dsdt.AsSpan().IndexOf("RTC"u8) < 0, "The board has no clock.");

        byte[] fadt = [.. new byte[36], .. Fadt.Build(board.Acpi.Fixed, 0, 0)];
        Assert.Equal([0x00, 0xB0, 0, 0], fadt[56..60]);
        Assert.Equal([0x08, 0xB0, 0, 0], fadt[76..80]);
        Assert.Equal(10, fadt[46]);
        Assert.Equal(0, fadt[108]);
        Assert.True((fadt[109] & 1 << 1) == 0, "8042");
        Assert.True((fadt[113] & 1 << 2) == 0, "RESET_REG_SUP");

        // Source 10 to global system interrupt 10, active high and level.
        Assert.True(Madt.Build(board.Acpi).AsSpan().IndexOf<byte>([2, 10, 0, 10, 10, 0, 0, 0, 0b1101, 0]) > 0);
        Assert.Equal([SmallBoard.SerialPort], board.SerialPorts);
    }

    [Fact]
    public void IaslDisassemblesTheTablesOfAnotherBoardAndMakesThemAgain()
    {
        Assert.SkipWhen(HostProgram.Find("iasl") is null, "iasl is not installed (Debian package acpica-tools)");
        using GuestMemory memory = new();
        memory.Add("ram-low", new Gpa(0), 1 << 20);
        BoardDescription board = BareBoard.Describe(new SmallBoard());
        AcpiTables.Write(memory, MemoryLayout.AcpiTables, MemoryLayout.AcpiTablesEnd, board.Acpi);
        byte[] area = new byte[MemoryLayout.AcpiTablesEnd - MemoryLayout.AcpiTables];
        Assert.True(memory.TryRead(new Gpa(MemoryLayout.AcpiTables), area));
        int at = area.AsSpan().IndexOf("DSDT"u8);
        byte[] dsdt = area[at..(at + BitConverter.ToInt32(area, at + 4))];
        DirectoryInfo folder = Directory.CreateTempSubdirectory("vitrine-acpi-");
        try
        {
            File.WriteAllBytes(Path.Combine(folder.FullName, "DSDT.dat"), dsdt);
            (int status, string output, string errors) = HostProgram.Run("iasl", "-d DSDT.dat", folder.FullName, []);
            Assert.True(status == 0, output + errors);
            string dsl = File.ReadAllText(Path.Combine(folder.FullName, "DSDT.dsl"));
            Assert.Contains("\"SMALL   \"", dsl, StringComparison.Ordinal);
            Assert.Contains("Memory32Fixed (ReadWrite", dsl, StringComparison.Ordinal);
            Assert.Contains("Interrupt (ResourceConsumer, Level, ActiveHigh, Exclusive", dsl, StringComparison.Ordinal);
            (status, output, errors) = HostProgram.Run("iasl", "-oa -p again DSDT.dsl", folder.FullName, []);
            Assert.True(status == 0, output + errors);
            Assert.Equal(dsdt[36..], File.ReadAllBytes(Path.Combine(folder.FullName, "again.aml"))[36..]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // First byte, end and type of each range: 1 is usable, 2 reserved (ACPI 6.3, table 15-374).
    [Theory]
    [InlineData(64, "0-9FC00:1 9FC00-100000:2 100000-4000000:1 D0000000-D0010000:2 FEC00000-100000000:2")]
    [InlineData(3072, "0-9FC00:1 9FC00-100000:2 100000-80000000:1 D0000000-D0010000:2 FEC00000-100000000:2 100000000-140000000:1")]
    public void TheMemoryMapIsTheBoards(ulong mebibytes, string expected)
    {
        E820[] map = E820.Map(new SmallBoard().MapMemory(mebibytes << 20));
        Assert.Equal(expected, string.Join(' ', map.Select(range => $"{range.Start:X}-{range.Start + range.Length:X}:{range.Type}")));
    }

    [Theory]
    [InlineData(0x10_0000, false)]
    [InlineData(0x3FF_F000, false)]
    [InlineData(0x400_0000, true)]
    [InlineData(0xD000_0000, true)]
    public void DeviceMemoryLiesOutsideRam(ulong address, bool accepted)
    {
        MadeUpBoard board = new(declared => declared.Memory(address, 0x1000).Interrupt(5).Add(line => new CounterDevice(line)));
        if (accepted) BareBoard.Create(board).Dispose();
        else Assert.Contains("RAM", Assert.Throws<ArgumentException>(() => BareBoard.Create(board)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ADeclarationThatContradictsItselfIsRefused()
    {
        MadeUpBoard twice = new(board =>
        {
            board.Ports(PostCode.Port, 1).Add(new PostCode());
            board.Ports(PostCode.Port, 1).Add(new PostCode());
        });
        Assert.Throws<ArgumentException>(() => BareBoard.Create(twice));
        MadeUpBoard noPorts = new(board => board.Ports(0x100, 1).Interrupt(5).Add(line => new CounterDevice(line)));
        Assert.Throws<ArgumentException>(() => BareBoard.Create(noPorts));
        MadeUpBoard noId = new(board => board.Ports(PostCode.Port, 1).Acpi("POST").Add(new PostCode()));
        Assert.Throws<ArgumentException>(() => BareBoard.Create(noId));
    }

    [Fact]
    public void ABoardWithoutPowerRegistersIsHardwareReduced()
    {
        byte[] fadt = [.. new byte[36], .. Fadt.Build(new AcpiFixedHardware(), 0, 0)];
        Assert.True((fadt[114] & 1 << 4) != 0, "HW_REDUCED_ACPI");
        Assert.All(fadt[56..92], value => Assert.Equal(0, value));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void WorkThatAResetFindsInFlightNeverCompletes(bool goes)
    {
        using ManualResetEventSlim begun = new();
        using ManualResetEventSlim goOn = new();
        CancellationToken cancelled = TestContext.Current.CancellationToken;
        SlowDevice? device = null;
        MadeUpBoard model = new(board => device = board.Ports(0x100, 1).Add(new SlowDevice(board.Queue("slow", depth: 2, workers: 1), () =>
        {
            begun.Set();
            goOn.Wait(cancelled);
        })));
        using IBoard board = BareBoard.Create(model);
        board.Bus.AccessPort(0x100, 1, 1, isWrite: true, [1]);
        Assert.True(begun.Wait(TimeSpan.FromSeconds(60), cancelled));

        // The guest asks for more than the device has room for.
        for (int i = 0; i < 2; i++) board.Bus.AccessPort(0x100, 1, 1, isWrite: true, [1]);
        Thread reset = new(goes ? board.Dispose : board.Reset);
        reset.Start();
        Assert.True(SpinWait.SpinUntil(() => device!.InFlight == 1, TimeSpan.FromSeconds(60)));
        goOn.Set();
        Assert.True(reset.Join(TimeSpan.FromSeconds(60)));
        Assert.Equal((0, 1), (device!.Completions, device.Refusals));
    }

    [Fact]
    public void TheDefaultBoardIsMicrovm()
    {
        MachineConfig config = new() { Boot = new BootSource.Kernel("unused") };
        Assert.Equal("microvm", config.Board.Name);
        using IBoard board = BareBoard.Create(config.Board);
        Assert.Equal(
            [
                "ioapic", "pic0", "pic1", "pit", "port61", "uart0", "debug-console", "rtc", "i8042", "post-code", "acpi-pm", "reset-control", "port92",
                "debug-exit",
            ],
            board.Devices.Select(device => device.Name));
    }
}
