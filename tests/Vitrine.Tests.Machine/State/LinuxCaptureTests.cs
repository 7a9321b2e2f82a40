using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Boot;
using Vitrine.Cli.Demo;
using Vitrine.State;
using Vitrine.Tests.Guests;
using Vitrine.Tests.Software;
using Xunit;

namespace Vitrine.Tests.State;

/// <summary>
/// Linux boots, works and powers off while it moves from machine to machine at random times, and comes to the end that it comes to in one machine.
/// What a captured state lacks shows here.
/// </summary>
/// <remarks>
/// VITRINE_CAPTURE_STOPS is how often it moves in each of its three phases (2), VITRINE_SEED decides when, and VITRINE_CAPTURE_ALL=1 adds the
/// interpreter and the other MMU.
/// </remarks>
public sealed partial class LinuxCaptureTests
{
    private const int Bytes = 3_000_000;
    private const int Tasks = 4;
    private const string Prompt = "vitrine:/# ";

    // The sums keep what is typed from looking like what is written.
    private const string Work =
        "work() { n=0; while [ $n -lt 4000 ]; do n=$((n+1)); done; head -c 3000000 /dev/zero | sha256sum; echo counted-$((n))-; }; "
        + "nproc; for i in 1 2 3 4; do work & done; wait; sleep 1; echo all-$((6*7))\r";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(150);

    private readonly StringBuilder _console = new();
    private int _seen; // what was waited for already

    [Theory]
    [InlineData(SoftwareEngine.Translator, 1, MmuMode.Shadow)]
    [InlineData(SoftwareEngine.Translator, 4, MmuMode.TwoDimensional)]
    [InlineData(SoftwareEngine.Translator, 1, MmuMode.TwoDimensional)]
    [InlineData(SoftwareEngine.Interpreter, 1, MmuMode.Shadow)]
    [InlineData(SoftwareEngine.Interpreter, 4, MmuMode.TwoDimensional)]
    public void AKernelThatMovesFromMachineToMachineComesToTheSameEnd(SoftwareEngine engine, int cpus, MmuMode mmu)
    {
        Engines.SkipUnlessPresent(engine);
        bool more = engine == SoftwareEngine.Interpreter || (cpus == 1 && mmu == MmuMode.TwoDimensional);
        Assert.SkipWhen(more && Setting("VITRINE_CAPTURE_ALL", 0) == 0, "long: VITRINE_CAPTURE_ALL=1 runs it");
        LinuxGuest linux = PresentLinux.Find();
        MachineConfig config = new()
        {
            Boot = new BootSource.Kernel(linux.Kernel) { Initrd = linux.Initrd, CommandLine = "console=ttyS0 quiet panic=-1" },
            MemoryBytes = 128 << 20,
            Cpus = cpus,
            Accelerator = AcceleratorChoice.Soft,
            Software = new SoftwareOptions { Engine = engine, Mmu = mmu },
            SerialOutput = bytes =>
            {
                lock (_console) _console.Append(Encoding.ASCII.GetString(bytes));
            },
        };
        int seed = Setting("VITRINE_SEED", Random.Shared.Next());
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        Run(config, Setting("VITRINE_CAPTURE_STOPS", 2), new Random(seed));
        string console = _console.ToString();
        string sum = Convert.ToHexStringLower(SHA256.HashData(new byte[Bytes]));
        Assert.Matches(string.Create(CultureInfo.InvariantCulture, $@"\r\n{cpus}\r\n"), console);
        Assert.Equal((Tasks, Tasks), (Regex.Count(console, sum), Regex.Count(console, "counted-4000-")));
        Assert.DoesNotMatch(Complaint(), console);
    }

    private void Run(MachineConfig config, int stops, Random random)
    {
        VirtualMachine machine = VirtualMachine.Create(config);
        try
        {
            machine.Start();
            Move(ref machine, random, stops, Prompt);
            machine.SendSerial(Encoding.ASCII.GetBytes(Work));
            Move(ref machine, random, stops, "all-42");
            machine.SendSerial("poweroff\r"u8);
            Move(ref machine, random, stops, "reboot: Power down");
            VmEnd? end = machine.Wait(s_patience);
            Assert.True(end?.Reason == VmEndReason.PowerOff, $"{end?.Report ?? "no end"}\n{Console()}");
        }
        finally
        {
            machine.Dispose();
        }
    }

    // Moves the guest on until it has written a text; in the end it may have powered off instead.
    private void Move(ref VirtualMachine machine, Random random, int stops, string until)
    {
        for (int i = 0; i < stops && !HasWritten(until); i++)
        {
            if (machine.Wait(TimeSpan.FromMilliseconds(random.Next(20, 800))) is not null) return;
            machine.Pause();
            MachineState state;
            try
            {
                state = machine.Capture();
            }
            catch (InvalidOperationException) when (machine.Wait(s_patience) is not null)
            {
                return;
            }

            MachineConfig config = machine.Config;
            machine.Dispose();
            machine = VirtualMachine.Restore(config, MachineState.FromJson(state.ToJson(), state.Memory));
            machine.Start();
        }

        DateTime limit = DateTime.UtcNow + s_patience;
        while (!HasWritten(until))
        {
            if (machine.Wait(TimeSpan.FromMilliseconds(20)) is not null) return;
            if (DateTime.UtcNow < limit) continue;
            machine.Pause();
            string registers = string.Join('\n', Enumerable.Range(0, machine.Config.Cpus).Select(machine.ReadState).Select(
                static state => $"RIP 0x{state.Rip:x} RFLAGS 0x{state.Rflags:x} {state.MpState}"));
            Assert.Fail($"'{until}' does not come.\n{registers}\nThe console:\n{Console()}");
        }

        lock (_console) _seen = _console.Length;
    }

    private bool HasWritten(string text)
    {
        lock (_console) return _console.ToString().IndexOf(text, _seen, StringComparison.Ordinal) >= 0;
    }

    private string Console()
    {
        lock (_console) return _console.ToString();
    }

    private static int Setting(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

    [GeneratedRegex(@"BUG:|WARNING:|Oops|Call Trace|segfault|unstable|stall")]
    private static partial Regex Complaint();
}
