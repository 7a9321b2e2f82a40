using System.Diagnostics;
using System.Globalization;
using System.Text;
using Vitrine;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Bench.Interpreter;
using Vitrine.Boot;

// usage: interpreter KERNEL BUSYBOX image FILE      writes the initramfs, for peers to boot
//        interpreter KERNEL BUSYBOX run [MEGABYTES] boots it on the software CPU and prints one line for each workload
if (args is not [string kernel, string busybox, string verb, ..])
{
    Console.Error.WriteLine("usage: interpreter KERNEL BUSYBOX (image FILE | run [MEGABYTES])");
    return 64;
}

byte[] image = Workloads.BuildInitramfs(File.ReadAllBytes(busybox));
if (verb == "image")
{
    File.WriteAllBytes(args[3], image);
    return 0;
}

string initrd = Path.GetTempFileName();
try
{
    File.WriteAllBytes(initrd, image);
    ulong megabytes = args.Length > 3 ? ulong.Parse(args[3], CultureInfo.InvariantCulture) : 512;
    Marks marks = new();
    using VirtualMachine machine = VirtualMachine.Create(new MachineConfig
    {
        Boot = new BootSource.Kernel(kernel) { Initrd = initrd, CommandLine = Workloads.CommandLine },
        MemoryBytes = megabytes << 20,
        Accelerator = AcceleratorChoice.Soft,
        Software = new SoftwareOptions
        {
            Mmu = Environment.GetEnvironmentVariable("BENCH_MMU") is { } mmu ? Enum.Parse<MmuMode>(mmu, ignoreCase: true) : null,
            Engine = Environment.GetEnvironmentVariable("BENCH_SOFT") is { } engine ? Enum.Parse<SoftwareEngine>(engine, ignoreCase: true) : null,
        },
        SerialOutput = marks.Take,
    });
    marks.Machine = machine;
    machine.Start();
    VmEnd? end = machine.Wait(TimeSpan.FromMinutes(10));
    marks.Print(Console.Out);
    using Process self = Process.GetCurrentProcess();
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"# ended: {end?.Reason.ToString() ?? "timeout"}, peak resident {self.PeakWorkingSet64 >> 20} MiB"));
    return end?.Reason == VmEndReason.PowerOff ? 0 : 1;
}
finally
{
    File.Delete(initrd);
}

internal sealed class Marks
{
    private readonly StringBuilder _line = new();
    private readonly List<(string Name, long Ticks, ulong Instructions)> _marks = [];
    private readonly long _start = Stopwatch.GetTimestamp();

    public VirtualMachine? Machine { get; set; }

    // On the vCPU's thread: the counter is exact here.
    public void Take(ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
        {
            if (value != (byte)'\n')
            {
                if (value != (byte)'\r') _line.Append((char)value);
                continue;
            }

            string line = _line.ToString();
            _line.Clear();
            if (Environment.GetEnvironmentVariable("BENCH_ECHO") != null) Console.Error.WriteLine(line);
            if (line.StartsWith("@@ ", StringComparison.Ordinal)) _marks.Add((line[3..], Stopwatch.GetTimestamp(), Machine!.InstructionsExecuted));
        }
    }

    public void Print(TextWriter output)
    {
        long previousTicks = _start;
        ulong previousInstructions = 0;
        foreach ((string name, long ticks, ulong instructions) in _marks)
        {
            double seconds = Stopwatch.GetElapsedTime(previousTicks, ticks).TotalSeconds;
            double millions = (instructions - previousInstructions) / 1e6;
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-12} {seconds,8:F2} s {millions,9:F0} M instructions {millions / seconds,6:F0} M/s"));
            (previousTicks, previousInstructions) = (ticks, instructions);
        }
    }
}
