using System.Diagnostics;
using System.Globalization;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Kvm;
using Vitrine.Bench.KvmExit;
using Vitrine.Devices.Buses;
using Vitrine.Errors;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.State;

// The guest of exit_roundtrip.c through Vitrine's own layers: KvmVcpu.Run, VmExit, port bus, device.
// Prints nanoseconds per exit: the median over chunks of 100 exits, as the C program does.
const int WarmUp = 1000;
const int Chunk = 100;
const ulong CodeAddress = 0x1000;
double[] times = new double[args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 200];

try
{
    using var memory = new GuestMemory();
    MemorySlot ram = memory.Add("ram", new Gpa(0), 1 << 20);
    memory.TryWrite(new Gpa(CodeAddress), [0xE6, 0x80, 0xEB, 0xFC]);

    using KvmAccelerator accelerator = KvmAccelerator.Create();
    accelerator.SetMemorySlot(ram);
    using IVirtualCpu vcpu = accelerator.CreateVcpu(0);
    vcpu.SetCpuid([.. vcpu.SupportedCpuid]);
    var state = new ProcessorState();
    vcpu.GetState(state);
    state.Segments[Seg.Cs] = new SegmentRegister(0, 0, 0xFFFF, 0x9B);
    state.Rip = CodeAddress;
    vcpu.PutState(state, PutLevel.Full);

    var ports = new PortBus();
    var post = new PostPort();
    ports.Attach(post, 0x80, 1);
    Measurement.Run(vcpu, ports, WarmUp);
    for (int i = 0; i < times.Length; i++)
    {
        long start = Stopwatch.GetTimestamp();
        Measurement.Run(vcpu, ports, Chunk);
        times[i] = Stopwatch.GetElapsedTime(start).TotalNanoseconds / Chunk;
    }

    int expected = WarmUp + (times.Length * Chunk);
    if (post.Writes != expected) throw new InvalidOperationException($"{post.Writes} writes arrived instead of {expected}");
    Array.Sort(times);
    Console.WriteLine(times[times.Length / 2].ToString("f1", CultureInfo.InvariantCulture));
    return 0;
}
catch (VitrineException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
