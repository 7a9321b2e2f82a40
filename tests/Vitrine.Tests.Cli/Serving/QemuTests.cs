using Vitrine.Tests.Documentation;
using Xunit;

namespace Vitrine.Tests.Cli.Serving;

/// <summary>Debian's QEMU, unmodified, boots Debian's kernel to a shell on the KVM that it is served.</summary>
public sealed class QemuTests
{
    private const string Qemu = "/usr/bin/qemu-system-x86_64";

    [Theory]
    [InlineData("-M pc", 1)]
    [InlineData("-M pc -cpu host", 1)]
    [InlineData("-M pc -smp 4", 4)]
    [InlineData("-M pc -sandbox on", 1)]
    [InlineData("-M pc,kernel-irqchip=off", 1)]
    [InlineData("-M q35", 1)]
    [InlineData("-M q35,kernel-irqchip=split -smp 2", 2)]
    [InlineData("-M microvm", 1)]
    [InlineData("-M pc,memory-backend=ram -object memory-backend-memfd,id=ram,size=512M,share=on", 1)]
    public void AMachineComesToItsShellAndPowersOff(string machine, int cpus)
    {
        Assert.SkipUnless(File.Exists(Qemu), "QEMU is not installed (Debian package qemu-system-x86)");
        ServingParts.SkipUnlessPresent();
        string folder = Directory.CreateTempSubdirectory("vitrine-qemu-").FullName;
        try
        {
            DemoFiles.LinkInto(folder);
            string[] arguments =
            [
                "kvm", "--force", "--", Qemu, "-accel", "kvm", "-m", "512M", "-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio", .. machine.Split(' '),
                "-kernel", "vmlinuz", "-initrd", "initramfs.cpio", "-append", "console=ttyS0 panic=-1",
            ];
            (int status, string output, string errors) =
                VitrineCommand.Run(arguments, "echo $(grep -c ^processor /proc/cpuinfo) processors; poweroff\n", folder, DemoFiles.Prompt);
            Assert.True(status == 0, errors + output);
            Assert.Contains("Hypervisor detected: KVM", output, StringComparison.Ordinal);
            Assert.Contains($"\n{cpus} processors", output, StringComparison.Ordinal);
            Assert.Contains("reboot: Power down", output, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
