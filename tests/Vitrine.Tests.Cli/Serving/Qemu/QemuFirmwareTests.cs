using System.Security.Cryptography;
using Vitrine.Tests.Boot;
using Xunit;

namespace Vitrine.Tests.Cli.Serving.Qemu;

/// <summary>Firmware of QEMU's machines: SeaBIOS and a boot sector on disks of several kinds, UEFI to its shell.</summary>
[Collection(QemuCollection.Name)]
public sealed class QemuFirmwareTests
{
    [Theory]
    [InlineData(QemuEngine.Served, "-M pc", "if=ide")]
    [InlineData(QemuEngine.Served, "-M q35", "if=ide")]
    [InlineData(QemuEngine.Served, "-M pc", "if=virtio")]
    [InlineData(QemuEngine.ServedSplit, "-M pc", "if=ide")]
    [InlineData(QemuEngine.ServedOff, "-M q35", "if=virtio")]
    public void TheBootSectorCopiesASector(QemuEngine engine, string machine, string drive)
    {
        QemuMachine.SkipUnlessPresent();
        byte[] sector = RandomNumberGenerator.GetBytes(BootSector.SectorSize);
        sector[0] = (byte)'!';
        using TempFile disk = new(BootSector.Disk(sector));
        using QemuMachine qemu = new(
            engine, [.. machine.Split(' '), "-m", "64", "-drive", $"file={disk.Path},format=raw,{drive}", "-device", BootSector.ExitDevice, "-boot", "c"]);
        qemu.ReadUntil("!");
        Assert.Equal(BootSector.ExitStatus, qemu.WaitForExit().Status);
        byte[] after = File.ReadAllBytes(disk.Path);
        Assert.Equal(sector, after.AsSpan(2 * BootSector.SectorSize, BootSector.SectorSize));
    }

    [Theory]
    [InlineData(QemuEngine.Served)]
    [InlineData(QemuEngine.ServedSplit)]
    public void UefiComesToItsShell(QemuEngine engine)
    {
        const string Code = "/usr/share/OVMF/OVMF_CODE_4M.fd";
        const string Variables = "/usr/share/OVMF/OVMF_VARS_4M.fd";
        QemuMachine.SkipUnlessPresent();
        Assert.SkipUnless(File.Exists(Code), $"{Code} is not installed");
        using TempFile variables = new(File.ReadAllBytes(Variables));
        string[] flash = ["-drive", $"if=pflash,format=raw,readonly=on,file={Code}", "-drive", $"if=pflash,format=raw,file={variables.Path}"];
        using QemuMachine qemu = new(engine, ["-M", "q35", "-m", "128", .. flash]);
        qemu.ReadUntil("any other key to continue");
        qemu.Send("x");
        qemu.ReadUntil("Shell>");
        qemu.Send("reset -s\r");
        Assert.Equal(0, qemu.WaitForExit().Status);
    }
}
