using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Vitrine.Accelerators.Software;
using Vitrine.Boot;
using Vitrine.Cli.Demo;
using Vitrine.Tests.Software;
using Xunit;

namespace Vitrine.Tests.Guests;

/// <summary>Debian's kernel on the software CPU, from the boot protocol to a shell that has work for all processors.</summary>
public sealed class LinuxBootTests
{
    private const int Tasks = 8;
    private const int Bytes = 500_000;
    private const int Count = 1_000;
    private const string Prompt = "vitrine:/# ";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(150);

    private readonly StringBuilder _console = new();

    [Theory]
    [InlineData(SoftwareEngine.Interpreter, 4)]
    [InlineData(SoftwareEngine.Translator, 1)]
    [InlineData(SoftwareEngine.Translator, 4)]
    public void AKernelBootsAndSharesItsWork(SoftwareEngine engine, int cpus)
    {
        Engines.SkipUnlessPresent(engine);
        LinuxGuest linux = PresentLinux.Find();
        using VirtualMachine machine = VirtualMachine.Create(new MachineConfig
        {
            Boot = new BootSource.Kernel(linux.Kernel) { Initrd = linux.Initrd, CommandLine = "console=ttyS0 quiet panic=-1" },
            MemoryBytes = 256 << 20,
            Cpus = cpus,
            Accelerator = AcceleratorChoice.Soft,
            Software = new SoftwareOptions { Engine = engine },
            SerialOutput = bytes =>
            {
                lock (_console) _console.Append(Encoding.ASCII.GetString(bytes));
            },
        });
        machine.Start();
        Await(machine, Prompt);

        // The sums keep what is typed from looking like what is written.
        string work = $"(head -c {Bytes} /dev/zero | sha256sum; n=0; while [ $n -lt {Count} ]; do n=$((n+1)); done; echo counted-$((n))-) &";
        machine.SendSerial(Encoding.ASCII.GetBytes($"nproc; for i in {string.Join(' ', Enumerable.Range(1, Tasks))}; do {work} done; wait; echo all-$((6*7))\r"));
        string console = Await(machine, "all-42");
        Assert.Matches(string.Create(CultureInfo.InvariantCulture, $@"\r\n{cpus}\r\n"), console);
        string sum = Convert.ToHexStringLower(SHA256.HashData(new byte[Bytes]));
        Assert.Equal((Tasks, Tasks), (Regex.Count(console, sum), Regex.Count(console, $"counted-{Count}-")));
        machine.SendSerial("poweroff\r"u8);
        Assert.Equal(VmEndReason.PowerOff, machine.Wait(Patience)?.Reason);
    }

    /// <summary>The ways in which a kernel can ask for a reset (its parameter reboot=): by the keyboard controller, ACPI, the BIOS, EFI, and a triple fault.</summary>
    [Theory]
    [InlineData('k', VmEndReason.Reset)]
    [InlineData('a', VmEndReason.Reset)]
    [InlineData('b', VmEndReason.Reset)]
    [InlineData('e', VmEndReason.Reset)] // without EFI Linux goes on to the BIOS
    [InlineData('t', VmEndReason.TripleFault)]
    public void AKernelResets(char way, VmEndReason expected)
    {
        Engines.SkipUnlessPresent(SoftwareEngine.Translator);
        LinuxGuest linux = PresentLinux.Find();
        using VirtualMachine machine = VirtualMachine.Create(new MachineConfig
        {
            Boot = new BootSource.Kernel(linux.Kernel) { Initrd = linux.Initrd, CommandLine = $"console=ttyS0 quiet reboot={way}" },
            MemoryBytes = 256 << 20,
            Accelerator = AcceleratorChoice.Soft,
            ExitOnReset = true,
            SerialOutput = bytes =>
            {
                lock (_console) _console.Append(Encoding.ASCII.GetString(bytes));
            },
        });
        machine.Start();
        Await(machine, Prompt);
        machine.SendSerial("reboot -f\r"u8);
        VmEnd? end = machine.Wait(Patience);
        Assert.True(end?.Reason == expected, end?.Report ?? "no end");
    }

    // What the guest has sent when the text has come.
    private string Await(VirtualMachine machine, string text)
    {
        bool came = machine.WaitForSerial(text, Patience);
        lock (_console)
        {
            string console = _console.ToString();
            Assert.True(came, $"The console ends with:\n{console[Math.Max(0, console.Length - 1000)..]}");
            return console;
        }
    }
}
