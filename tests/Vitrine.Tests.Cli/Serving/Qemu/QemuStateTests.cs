using System.Globalization;
using Vitrine.Tests.Boot;
using Xunit;

namespace Vitrine.Tests.Cli.Serving.Qemu;

/// <summary>A Linux guest that QEMU stops, saves and restores: all of its state goes through the served KVM, both ways.</summary>
/// <param name="linux">The kernel.</param>
[Collection(QemuCollection.Name)]
public sealed class QemuStateTests(LinuxFiles linux)
{
    private const int Steps = 8;

    // Each line is a step further and needs timer, memory and vector registers: a digest of a file that was made once must stay what it was.
    private const string Count =
        """
        head -c 3000000 /dev/urandom > /file
        first=$(md5sum < /file)
        n=0
        echo UP
        while :
        do
            [ "$(md5sum < /file)" = "$first" ] || echo CHANGED
            echo "step $n."
            n=$((n + 1))
            sleep 0.05
        done
        """;

    [Fact]
    public void StopKeepsTheGuestAndContinueLetsItGoOn()
    {
        QemuMachine.SkipUnlessPresent();
        using QemuMachine qemu = new(QemuEngine.Served, linux.Boot(Count));
        int step = ReadSteps(qemu, from: 0);
        for (int time = 0; time < 3; time++)
        {
            qemu.Monitor("stop");
            Assert.Contains("paused", qemu.Monitor("info status"), StringComparison.Ordinal);
            string registers = qemu.Monitor("info registers");
            Assert.Contains("CR0=80050033", registers, StringComparison.Ordinal); // Linux: PG AM WP NE ET MP PE
            Assert.Equal(registers, qemu.Monitor("info registers"));
            qemu.Monitor("cont");
            step = ReadSteps(qemu, step);
        }

        qemu.Monitor("quit");
    }

    [Theory]
    [InlineData(QemuEngine.Served, "-M pc")]
    [InlineData(QemuEngine.Served, "-M q35 -smp 2 -cpu host,migratable=on")]
    [InlineData(QemuEngine.ServedSplit, "-M q35")]
    [InlineData(QemuEngine.ServedOff, "-M q35 -cpu host,migratable=on")]
    public void ASnapshotIsReturnedTo(QemuEngine engine, string machine)
    {
        QemuMachine.SkipUnlessPresent();
        Assert.SkipWhen(HostProgram.Find("qemu-img") is null, "qemu-img is not installed");
        string folder = Directory.CreateTempSubdirectory("vitrine-snapshot-").FullName;
        try
        {
            string disk = Path.Combine(folder, "disk.qcow2");
            Assert.Equal(0, HostProgram.Run("qemu-img", $"create -q -f qcow2 {disk} 1M", folder, []).Status);
            using QemuMachine qemu = new(engine, [.. machine.Split(' '), "-drive", $"file={disk},format=qcow2,if=none", .. linux.Boot(Count)]);
            ReadSteps(qemu, from: 0);
            qemu.Monitor("stop");
            Assert.Equal("", qemu.Monitor("savevm here"));
            string saved = qemu.Monitor("info registers -a");
            qemu.Monitor("cont");
            int next = NextStep(qemu);
            ReadSteps(qemu, next + 1);
            qemu.Monitor("stop");
            Assert.Equal("", qemu.Monitor("loadvm here"));
            Assert.Equal(saved, qemu.Monitor("info registers -a"));
            qemu.Monitor("cont");

            // What was written before it went back may still be on its way here.
            while (NextStep(qemu) is int step && step != next)
            {
            }

            ReadSteps(qemu, next + 1);
            qemu.Monitor("quit");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Live: the guest runs until its last page is written. What is saved of its timer has no current count.
    [Theory]
    [InlineData("-M pc")]
    [InlineData("-M q35 -smp 2")]
    public void AMigratedGuestGoesOnElsewhere(string machine)
    {
        QemuMachine.SkipUnlessPresent();
        string folder = Directory.CreateTempSubdirectory("vitrine-migration-").FullName;
        try
        {
            string state = Path.Combine(folder, "state");
            string[] arguments = [.. machine.Split(' '), .. linux.Boot(Count)];
            using QemuMachine source = new(QemuEngine.Served, arguments);
            ReadSteps(source, from: 0);
            for (int time = 0; time < 3; time++)
            {
                Assert.Equal("", source.Monitor($"migrate -d \"exec:cat > {state}\""));
                Assert.True(SpinWait.SpinUntil(() => source.Monitor("info status").Contains("postmigrate", StringComparison.Ordinal), TimeSpan.FromSeconds(60)));
                using QemuMachine target = new(QemuEngine.Served, [.. arguments, "-incoming", $"exec:cat {state}"]);
                ReadSteps(target, NextStep(target) + 1);
                target.Monitor("quit");
                source.Monitor("cont");
                ReadSteps(source, NextStep(source) + 1);
            }

            source.Monitor("quit");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Steps follow one another; returns the number of the one to come.
    private static int ReadSteps(QemuMachine qemu, int from)
    {
        for (int step = from; step < from + Steps; step++) Assert.Equal(step, NextStep(qemu));
        return from + Steps;
    }

    private static int NextStep(QemuMachine qemu)
    {
        Assert.DoesNotContain("CHANGED", qemu.ReadUntil("step "), StringComparison.Ordinal);
        return int.Parse(qemu.ReadUntil(".")[..^1], CultureInfo.InvariantCulture);
    }
}
