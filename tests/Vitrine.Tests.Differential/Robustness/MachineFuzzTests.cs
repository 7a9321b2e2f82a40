using Iced.Intel;
using Vitrine.Boot;
using Vitrine.X86;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Robustness;

/// <summary>
/// Whole machines whose guests write random values to the ports and device memory of the board, then run random code: each ends,
/// by itself or when it is stopped, with a report.
/// </summary>
public sealed class MachineFuzzTests
{
    private const ulong Entry = 0x8000;

    private static readonly ushort[] _ports =
        [0x20, 0x21, 0xA0, 0xA1, 0x4D0, 0x4D1, 0x40, 0x41, 0x42, 0x43, 0x60, 0x61, 0x64, 0x70, 0x71, 0x80, 0x92, 0x3F8, 0x3F9, 0x3FA, 0x3FB, 0x3FC, 0x3FF,
            0x402, 0x600, 0x602, 0x604, 0x608, 0xCF8, 0xCF9, 0xCFC];

    [Fact]
    public void AnyDeviceAccessLeavesAMachineThatEnds()
    {
        new FuzzRun(nameof(AnyDeviceAccessLeavesAMachineThatEnds), 30).Run((_, random) =>
        {
            using VirtualMachine machine = VirtualMachine.Create(new MachineConfig
            {
                Boot = new BootSource.FlatBytes(Program(random), new Gpa(Entry), Entry, (FlatMode)random.Next(3)),
                MemoryBytes = 2 << 20,
                Accelerator = AcceleratorChoice.Soft,
                SerialOutput = _ => { },
                DebugOutput = _ => { },
            });
            machine.SendSerial("input"u8);
            machine.Start();
            if (machine.Wait(TimeSpan.FromMilliseconds(20)) is null) machine.Stop();
            VmEnd? end = machine.Wait(TimeSpan.FromSeconds(60));
            Assert.NotNull(end);
            Assert.DoesNotContain("Vitrine failed", end.Report, StringComparison.Ordinal);
            Assert.NotEqual(VmEndReason.InternalError, end.Reason);
        });
    }

    private static byte[] Program(Random random)
    {
        // The same bytes in every mode, so only instructions that have one length in all of them begin the program.
        Assembler a = new(64);
        for (int i = 0; i < 300; i++)
        {
            a.mov(eax, random.Next());
            a.mov(edx, random.Next(16) == 0 ? random.Next(0x10000) : _ports[random.Next(_ports.Length)]);
            switch (random.Next(6))
            {
                case 0:
                    a.@in(al, dx);
                    break;
                case 1:
                    a.@in(eax, dx);
                    break;
                case 2:
                    a.@out(dx, eax);
                    break;
                case 3:
                    a.mov(ecx, random.Next(2) == 0 ? 0xFEC0_0000 + ((uint)random.Next(5) * 0x10) : 0xFEE0_0000 + ((uint)random.Next(0x40) * 0x10));
                    a.mov(__dword_ptr[rcx], eax);
                    break;
                default:
                    a.@out(dx, al);
                    break;
            }
        }

        MemoryStream code = new();
        a.Assemble(new StreamCodeWriter(code), Entry);
        byte[] garbage = new byte[0x4000];
        FuzzCode.Fill(random, garbage);
        return [.. code.ToArray(), .. garbage];
    }
}
