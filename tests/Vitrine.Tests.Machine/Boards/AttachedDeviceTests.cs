using Vitrine.Acpi;
using Vitrine.Attachments;
using Vitrine.Boards;
using Vitrine.Boot;
using Vitrine.Devices.Acpi;
using Vitrine.Errors;
using Vitrine.Tests.Guests;
using Vitrine.X86;
using Xunit;

namespace Vitrine.Tests.Boards;

/// <summary>What a user adds to a board: where a guest finds it, and that the machine is still one whole.</summary>
public sealed class AttachedDeviceTests
{
    [Fact]
    public void AGuestFindsThemThroughAcpi()
    {
        using IBoard board = BareBoard.Create(BoardModel.Microvm, attached: [new EntropyConfig(), new EntropyConfig()]);
        byte[] dsdt = Dsdt.Build(board.Description.Acpi);
        byte[] second = Aml.Device(
            "VR01",
            Aml.Name("_HID", Aml.String("LNRO0005")),
            Aml.Name("_UID", Aml.Integer(1)),
            Aml.Name("_CRS", Aml.ResourceTemplate(Aml.Memory32Fixed(0xFEB0_1000, 0x1000), Aml.Interrupt(17))));
        Assert.True(dsdt.AsSpan().IndexOf(second) > 0);
        Assert.Equal(["rng0", "rng1"], board.Devices.TakeLast(2).Select(static device => device.Name));
    }

    [Fact]
    public void ABoardTakesAsManyAsItHasRoomFor()
    {
        DeviceConfig[] devices = [.. Enumerable.Repeat(new EntropyConfig(), 33)];
        using (BareBoard.Create(BoardModel.Microvm, attached: devices[..32]))
        {
        }

        VitrineException error = Assert.Throws<VitrineException>(() => Config(devices).Check());
        Assert.Equal(ErrorCode.ConfigDevices, error.Code);
        Assert.Equal(32, error.Values["maximum"]);
    }

    /// <summary>mov eax, [FEB00000h] (the magic value); mov [0], eax; mov al, [FEB00008h] (the device's type); out F4h, al.</summary>
    [Theory]
    [InlineData(AcceleratorChoice.Kvm)]
    [InlineData(AcceleratorChoice.Soft)]
    public void AGuestReachesThemAlsoInAMachineThatWasRestored(AcceleratorChoice accelerator)
    {
        PresentAccelerators.SkipUnlessPresent(accelerator);
        MachineConfig config = Config([new EntropyConfig()]) with { Accelerator = accelerator };
        using VirtualMachine first = VirtualMachine.Create(config);
        using VirtualMachine second = VirtualMachine.Restore(config, first.Capture());
        second.Start();
        VmEnd? end = second.Wait(TimeSpan.FromSeconds(60));
        Assert.Equal((VmEndReason.DebugExit, 4u), (end?.Reason, end?.Value & 0xFF));
        byte[] magic = new byte[4];
        Assert.True(second.Memory.TryRead(new Gpa(0), magic));
        Assert.Equal("virt"u8.ToArray(), magic);
    }

    private static MachineConfig Config(IReadOnlyList<DeviceConfig> devices) => new()
    {
        Devices = devices,
        Boot = new BootSource.FlatBytes(
            new byte[]
            {
                0xA1, 0x00, 0x00, 0xB0, 0xFE, 0xA3, 0, 0, 0, 0, 0xA1, 0x08, 0x00, 0xB0, 0xFE, 0xE6, 0xF4, 0xF4,
            },
            new Gpa(0x10_0000), 0x10_0000, FlatMode.Protected),
        MemoryBytes = 2 << 20,
    };
}
