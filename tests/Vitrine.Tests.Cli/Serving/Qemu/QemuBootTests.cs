using System.Security.Cryptography;
using Vitrine.Tests.Boot;
using Xunit;

namespace Vitrine.Tests.Cli.Serving.Qemu;

/// <summary>Debian's kernel in each of QEMU's machines, with each place of the interrupt controllers, to its poweroff.</summary>
/// <param name="linux">The kernel.</param>
[Collection(QemuCollection.Name)]
public sealed class QemuBootTests(LinuxFiles linux)
{
    private const string Script = "dmesg | grep -o 'Hypervisor detected: .*'; echo UP $(nproc); sleep 0.2; echo SLEPT";
    private const string Work = "for i in 1 2 3 4; do (head -c 2000000 /dev/zero | md5sum > /$i) & done; wait; sort -u /1 /2 /3 /4; nproc; echo DONE";

    public static TheoryData<QemuEngine, string> Machines
    {
        get
        {
            TheoryData<QemuEngine, string> rows = [];
            foreach (string machine in new[] { "pc", "q35", "microvm" })
            {
                foreach (QemuEngine engine in new[] { QemuEngine.Served, QemuEngine.ServedSplit, QemuEngine.ServedOff }) rows.Add(engine, $"-M {machine}");
            }

            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Machines))]
    [InlineData(QemuEngine.Served, "-cpu host")]
    [InlineData(QemuEngine.ServedOff, "-cpu host")]
    [InlineData(QemuEngine.Served, "-cpu max")]
    [InlineData(QemuEngine.Served, "-cpu qemu64")]
    [InlineData(QemuEngine.Served, "-sandbox on")]
    [InlineData(QemuEngine.Served, "-object memory-backend-memfd,id=ram,size=256M,share=on -M pc,memory-backend=ram")]
    [InlineData(QemuEngine.ServedSplit, "-M q35 -smp 2 -cpu host")]
    [InlineData(QemuEngine.Served, "-M q35,smm=off")]
    public void LinuxRunsToItsPoweroff(QemuEngine engine, string arguments)
    {
        QemuMachine.SkipUnlessPresent();
        using QemuMachine qemu = new(engine, [.. arguments.Split(' '), .. linux.Boot(Script)]);
        qemu.ReadUntil("Hypervisor detected: KVM\n");
        qemu.ReadUntil("UP ");
        Assert.Equal(arguments.Contains("-smp 2", StringComparison.Ordinal) ? "2\n" : "1\n", qemu.ReadUntil("\n"));
        qemu.ReadUntil("SLEPT");
        Assert.Equal(0, qemu.WaitForExit().Status);
    }

    [Theory]
    [InlineData(QemuEngine.Served)]
    [InlineData(QemuEngine.ServedSplit)]
    public void FourProcessorsShareTheWork(QemuEngine engine)
    {
        QemuMachine.SkipUnlessPresent();
        using QemuMachine qemu = new(engine, ["-smp", "4", .. linux.Boot(Work)]);
        string said = qemu.ReadUntil("DONE");
        Assert.EndsWith($"{Convert.ToHexStringLower(MD5.HashData(new byte[2_000_000]))}  -\n4\nDONE", said, StringComparison.Ordinal);
        Assert.Equal(0, qemu.WaitForExit().Status);
    }

    // QEMU until 10.1.2 leaves the start-up IPI of a processor whose local APIC is its own pending, and with any KVM that processor's thread
    // then never sleeps and never lets go of QEMU's lock (mended there by "target/i386: clear CPU_INTERRUPT_SIPI for all accelerators"). A debugger
    // does here what the later QEMU does.
    [Fact]
    public void TwoProcessorsShareTheWorkWhereQemuHasTheirLocalApics()
    {
        QemuMachine.SkipUnlessPresent();
        Assert.SkipWhen(HostProgram.Find("gdb") is null, "gdb is not installed");
        using QemuMachine qemu = new(QemuEngine.ServedOff, ["-S", "-smp", "2", .. linux.Boot(Work)]);
        qemu.Monitor("info status");
        using QemuPatch patch = new(qemu.Id, "do_cpu_sipi", "call (void)cpu_reset_interrupt($rdi, 0x800)");
        qemu.Monitor("cont");
        string said = qemu.ReadUntil("DONE");
        Assert.EndsWith($"{Convert.ToHexStringLower(MD5.HashData(new byte[2_000_000]))}  -\n2\nDONE", said, StringComparison.Ordinal);
        Assert.Equal(0, qemu.WaitForExit().Status);
    }

    [Fact]
    public void RebootBootsAgain()
    {
        QemuMachine.SkipUnlessPresent();
        string[] boot = linux.Boot("echo UP; read answer; [ $answer = again ] && reboot -f");
        using QemuMachine qemu = new(QemuEngine.Served, [.. boot.Where(static argument => argument != "-no-reboot")]);
        foreach (string answer in new[] { "again", "again", "enough" })
        {
            qemu.ReadUntil("UP");
            qemu.Send($"{answer}\n");
        }

        Assert.Equal(0, qemu.WaitForExit().Status);
    }
}
