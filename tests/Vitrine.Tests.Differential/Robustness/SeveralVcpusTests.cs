using Iced.Intel;
using Vitrine.Boot;
using Vitrine.X86;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Robustness;

/// <summary>The life of machines whose processors all run: they stop together, show their state, go on, and end.</summary>
public sealed class SeveralVcpusTests
{
    private const int Cpus = 3;
    private const ulong Entry = 0x1000;
    private const ulong Counters = 0x4000;

    [Fact]
    public void AllStandWhileTheMachineIsPaused()
    {
        using VirtualMachine machine = Create(reset: false);
        machine.Start();
        AwaitProgress(machine);
        machine.Pause();
        uint[] before = Read(machine);
        for (int id = 0; id < Cpus; id++)
        {
            ProcessorState state = machine.ReadState(id);
            Assert.Equal(MpState.Runnable, state.MpState);
            Assert.Equal((ulong)id << 2, state.Gpr[Gpr.Rsi]);
            Assert.Equal(id == 0 ? 0 : 0x100, state.Segments[Seg.Cs].Selector);
        }

        // One goes on alone.
        Assert.Equal(StepOutcome.Stepped, machine.StepUntil(static _ => false, maxSteps: 20, timeout: TimeSpan.FromSeconds(60), vcpu: 1).Outcome);
        uint[] after = Read(machine);
        Assert.True(after[1] > before[1]);
        Assert.Equal((before[0], before[2]), (after[0], after[2]));
        machine.Resume();
        AwaitProgress(machine);
        machine.Stop();
        Assert.Equal(VmEndReason.Stopped, machine.Wait(TimeSpan.FromSeconds(60))?.Reason);
    }

    [Fact]
    public void AnyOrderFromSeveralThreadsEnds()
    {
        new FuzzRun(nameof(SeveralVcpusTests), 10).Run((_, random) =>
        {
            using VirtualMachine machine = Create(random.Next(2) == 0);
            int[] seeds = [random.Next(), random.Next(), random.Next()];
            Task[] tasks = [.. seeds.Select(seed => Task.Run(() => Disturb(machine, new Random(seed))))];
            Assert.True(Task.WaitAll(tasks, TimeSpan.FromSeconds(100)), "a member of the machine does not return");
            machine.Dispose();
            Assert.NotNull(machine.Wait(TimeSpan.Zero));
        });
    }

    private static void Disturb(VirtualMachine machine, Random random)
    {
        for (int i = 0; i < 30; i++)
        {
            int vcpu = random.Next(Cpus);
            try
            {
                switch (random.Next(9))
                {
                    case 0 or 1:
                        machine.Start();
                        break;
                    case 2 or 3:
                        machine.Pause();
                        break;
                    case 4:
                        Assert.NotNull(machine.GetState(vcpu));
                        break;
                    case 5:
                        machine.Step(vcpu, TimeSpan.FromMilliseconds(1));
                        break;
                    case 6:
                        Assert.NotNull(machine.ReadState(vcpu));
                        break;
                    case 7 when random.Next(10) == 0:
                        machine.Stop();
                        break;
                    default:
                        machine.Wait(TimeSpan.FromMilliseconds(1));
                        break;
                }
            }
            catch (InvalidOperationException)
            {
                // Running, or ended: said, and harmless.
            }
        }
    }

    private static void AwaitProgress(VirtualMachine machine)
    {
        uint[] before = Read(machine);
        bool progress = SpinWait.SpinUntil(() => Read(machine).Zip(before).All(static pair => pair.First != pair.Second), TimeSpan.FromSeconds(60));
        Assert.True(progress, "not all processors run");
    }

    private static uint[] Read(VirtualMachine machine)
    {
        byte[] bytes = new byte[4 * Cpus];
        Assert.True(machine.Memory.TryRead(new Gpa(Counters), bytes));
        return [.. Enumerable.Range(0, Cpus).Select(id => BitConverter.ToUInt32(bytes, 4 * id))];
    }

    // Every processor begins here, the boot processor at 0000:1000 and the others at 0100:0000. Each counts for ever; or one resets the machine.
    private static VirtualMachine Create(bool reset)
    {
        const uint ApicBase = 0x1B, ApicId = 0x802, ApicSpurious = 0x80F, ApicCommand = 0x830;
        const int Extended = 0x400, Bootstrap = 8, ToOthers = 3 << 18;
        Assembler a = new(16);
        Label count = a.CreateLabel();
        Label started = a.CreateLabel();
        a.mov(ecx, ApicBase);
        a.rdmsr();
        a.or(eax, Extended);
        a.wrmsr();
        a.mov(ebx, eax);
        a.mov(ecx, ApicId);
        a.rdmsr();
        a.mov(esi, eax);
        a.shl(esi, 2);
        a.xor(edx, edx);
        a.mov(ecx, ApicSpurious);
        a.mov(eax, 0x1FF);
        a.wrmsr();
        a.bt(ebx, Bootstrap);
        a.jnc(started);
        a.mov(ecx, ApicCommand);
        a.mov(eax, ToOthers | 0x4500);
        a.wrmsr();
        a.mov(eax, ToOthers | 0x4600 | (int)(Entry >> 12));
        a.wrmsr();
        a.Label(ref started);
        a.xor(ax, ax);
        a.mov(ds, ax);
        a.Label(ref count);
        a.inc(__dword_ptr[si + (int)Counters]);
        if (reset)
        {
            Label on = a.CreateLabel();
            a.cmp(__dword_ptr[si + (int)Counters], 5000);
            a.jb(on);
            a.mov(__dword_ptr[si + (int)Counters], 0);
            a.mov(al, 0xFE);
            a.@out(0x64, al);
            a.Label(ref on);
        }

        a.jmp(count);
        MemoryStream code = new();
        a.Assemble(new StreamCodeWriter(code), Entry);
        return VirtualMachine.Create(new MachineConfig
        {
            Boot = new BootSource.FlatBytes(code.ToArray(), new Gpa(Entry), Entry, FlatMode.Real),
            MemoryBytes = 2 << 20,
            Cpus = Cpus,
            Accelerator = AcceleratorChoice.Soft,
        });
    }
}
