using Vitrine.Tests.Boot;
using Xunit;

namespace Vitrine.Tests.Cli.Serving.Qemu;

/// <summary>gdb on QEMU's stub (-s -S): breakpoints of both kinds, single steps and watchpoints go through KVM_SET_GUEST_DEBUG.</summary>
[Collection(QemuCollection.Name)]
public sealed class QemuDebuggerTests
{
    private const int Bytes = 16;

    [Theory]
    [InlineData(QemuEngine.Served)]
    [InlineData(QemuEngine.ServedSplit)]
    [InlineData(QemuEngine.ServedOff)]
    public void DebuggerSeesWhatItSeesWithTheTranslator(QemuEngine engine)
    {
        QemuMachine.SkipUnlessPresent();
        Assert.SkipWhen(HostProgram.Find("gdb") is null, "gdb is not installed");
        byte[] sector = new byte[BootSector.SectorSize];
        "HELLO, DEBUGGER!"u8.CopyTo(sector);
        string oracle = Debug(QemuEngine.Translator, sector);
        Assert.Contains("Hardware watchpoint", oracle, StringComparison.Ordinal);
        Assert.Equal(oracle, Debug(engine, sector));
    }

    // What gdb says at the reset vector, in the boot sector, at each of some steps, and when the BIOS writes the second sector's first byte.
    private static string Debug(QemuEngine engine, byte[] sector)
    {
        using TempFile disk = new(BootSector.Disk(sector));
        string folder = Directory.CreateTempSubdirectory("vitrine-gdb-").FullName;
        try
        {
            string socket = Path.Combine(folder, "gdb");
            using QemuMachine qemu = new(
                engine, "-S", "-gdb", $"unix:{socket},server=on,wait=off", "-M", "pc", "-m", "64", "-drive", $"file={disk.Path},format=raw,if=ide",
                "-device", BootSector.ExitDevice);
            string registers = "info registers rax rbx rcx rdx rsi rdi rbp rsp rip eflags cs ss ds es";
            string[] commands =
            [
                "set pagination off", "set confirm off", $"target remote {socket}",
                "info registers rip cs", $"hbreak *{BootSector.Address}", "continue", registers,

                // Interrupts are enabled, and a tick that comes meanwhile has to wait (KVM_GUESTDBG_BLOCKIRQ).
                .. Enumerable.Repeat("stepi", 9), registers,
                "delete", $"watch *(unsigned char *){BootSector.Buffer}", "continue", $"x/1xb {BootSector.Buffer}",
                "delete", $"break *{BootSector.Address + BootSector.AfterRead}", "continue", "info registers rip rax", $"x/{Bytes}cb {BootSector.Buffer}",
                "delete", "detach",
            ];
            qemu.Monitor("info status"); // When its monitor answers, the stub's socket is there.
            string script = Path.Combine(folder, "script");
            File.WriteAllLines(script, commands);
            (int status, string said, string errors) = HostProgram.Run("gdb", $"-nx -batch -x {script}", folder, []);

            // With the last command the guest runs on, and may end QEMU before gdb has its answer; what it does then is looked at below.
            Assert.True(status == 0 || errors.Contains($"script:{commands.Length}:", StringComparison.Ordinal), errors);
            qemu.ReadUntil("H");
            Assert.Equal(BootSector.ExitStatus, qemu.WaitForExit().Status);
            return said;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
