using System.Diagnostics;
using Iced.Intel;
using Vitrine.Boot;
using Vitrine.X86;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Robustness;

/// <summary>The life of machines, out of order and from several threads at once: it ends, and frees what it held.</summary>
public sealed class LifecycleTests
{
    private const ulong Entry = 0x1000;

    [Fact]
    public void AnyOrderFromSeveralThreadsEnds()
    {
        new FuzzRun(nameof(AnyOrderFromSeveralThreadsEnds), 15).Run((_, random) =>
        {
            using VirtualMachine machine = Create(random.Next(3), random.Next(2) == 0);
            int[] seeds = [random.Next(), random.Next(), random.Next()];
            Task[] tasks = [.. seeds.Select(seed => Task.Run(() => Disturb(machine, new Random(seed))))];
            Assert.True(Task.WaitAll(tasks, TimeSpan.FromSeconds(60)), "a member of the machine does not return");
            machine.Dispose();
            Assert.NotNull(machine.Wait(TimeSpan.Zero));
            Assert.Throws<ObjectDisposedException>(machine.Start);
            Assert.Throws<ObjectDisposedException>(() => machine.SendSerial("x"u8));
        });
    }

    [Fact]
    public void WhatAGuestHasDoneIsKnownAfterItsMachineIsGone()
    {
        VirtualMachine machine = Create(0, exitOnReset: true);
        machine.Start();
        while (machine.InstructionsExecuted == 0) Thread.Yield();
        machine.Stop();
        machine.Wait();
        ulong executed = machine.InstructionsExecuted;
        machine.Dispose();
        Assert.Equal(executed, machine.InstructionsExecuted);
    }

    [Fact]
    public void AMachineLeavesNothingBehind()
    {
        for (int i = 0; i < 5; i++) RunOnce(i);
        (int Threads, int Files, int Mappings) before = Held();
        for (int i = 0; i < 50; i++) RunOnce(i);
        (int Threads, int Files, int Mappings) after = Held();

        // Other tests run at the same time; what each machine left would show fifty times.
        Assert.InRange(after.Threads, 0, before.Threads + 40);
        Assert.InRange(after.Files, 0, before.Files + 40);
        Assert.InRange(after.Mappings, 0, before.Mappings + 100);
    }

    [Fact]
    public void TwoMachinesRunAtOnce()
    {
        using VirtualMachine one = Create(0, exitOnReset: true);
        using VirtualMachine other = Create(0, exitOnReset: true);
        one.Start();
        other.Start();
        ulong seen = other.InstructionsExecuted;
        while (one.InstructionsExecuted == 0 || other.InstructionsExecuted == seen) Thread.Yield();
        one.Dispose();
        seen = other.InstructionsExecuted;
        while (other.InstructionsExecuted == seen) Thread.Yield();
        Assert.Null(other.Wait(TimeSpan.Zero));
        other.Stop();
        Assert.Equal(VmEndReason.Stopped, other.Wait()!.Reason);
    }

    private static void RunOnce(int kind)
    {
        using VirtualMachine machine = Create(kind % 3, exitOnReset: true);
        machine.Start();
        machine.SendSerial("abc"u8);
        if (kind % 2 == 0) machine.Stop();
    }

    private static void Disturb(VirtualMachine machine, Random random)
    {
        for (int i = 0; i < 40; i++)
        {
            try
            {
                switch (random.Next(13))
                {
                    case 0 or 1:
                        machine.Start();
                        break;
                    case 2 or 3:
                        machine.Pause();
                        break;
                    case 4:
                        machine.Resume();
                        break;
                    case 5 when random.Next(10) == 0:
                        machine.Stop();
                        break;
                    case 6 when random.Next(20) == 0:
                        machine.Dispose();
                        break;
                    case 7:
                        Assert.NotNull(machine.GetState(0));
                        break;
                    case 8:
                        machine.Wait(TimeSpan.FromMilliseconds(1));
                        break;
                    case 10:
                        machine.Step(timeout: TimeSpan.FromMilliseconds(1));
                        Assert.NotNull(machine.ReadState(0));
                        break;
                    case 9:
                        _ = machine.InstructionsExecuted;
                        break;
                    default:
                        machine.SendSerial("some bytes that nobody reads"u8);
                        break;
                }
            }
            catch (InvalidOperationException)
            {
                // Running, or disposed already (ObjectDisposedException): said, and harmless.
            }
        }
    }

    private static (int Threads, int Files, int Mappings) Held() =>
        (Process.GetCurrentProcess().Threads.Count, Directory.GetFileSystemEntries("/proc/self/fd").Length, File.ReadLines("/proc/self/maps").Count());

    // A guest that counts, one that writes to its serial port with interrupts on, one that resets for ever.
    private static VirtualMachine Create(int kind, bool exitOnReset)
    {
        Assembler a = new(16);
        Label again = a.CreateLabel();
        a.Label(ref again);
        if (kind == 0)
        {
            a.inc(eax);
        }
        else if (kind == 1)
        {
            a.mov(dx, 0x3F8);
            a.mov(al, 0x78);
            a.@out(dx, al);
            a.inc(dx);
            a.mov(al, 3);
            a.@out(dx, al);
        }
        else
        {
            a.mov(al, 0xFE);
            a.@out(0x64, al);
        }

        a.jmp(again);
        MemoryStream code = new();
        a.Assemble(new StreamCodeWriter(code), Entry);
        return VirtualMachine.Create(new MachineConfig
        {
            Boot = new BootSource.FlatBytes(code.ToArray(), new Gpa(Entry), Entry, FlatMode.Real),
            MemoryBytes = 2 << 20,
            Accelerator = AcceleratorChoice.Soft,
            ExitOnReset = exitOnReset,
            SerialOutput = _ => { },
        });
    }
}
