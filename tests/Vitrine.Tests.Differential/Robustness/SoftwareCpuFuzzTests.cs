using Vitrine.Accelerators;
using Vitrine.Accelerators.Software;
using Xunit;

namespace Vitrine.Tests.Robustness;

/// <summary>Random guest code on the software CPU, in every mode: whatever it does, a run ends in an exit, and only the guest is harmed.</summary>
public sealed class SoftwareCpuFuzzTests
{
    private const int CasesPerMachine = 64;
    private const int MostExits = 64;

    // Of a thousand. The damage done to one state in fifty is nearly always refused, and so is most of that to RIP and to bases.
    private const int MostRefused = 100;

    [Theory]
    [InlineData(SoftwareEngine.Interpreter)]
    [InlineData(SoftwareEngine.Translator)]
    public void AnyCodeEndsInAnExit(SoftwareEngine engine)
    {
        Assert.SkipUnless(engine == SoftwareEngine.Interpreter || SoftwareAccelerator.HostHasTranslator, "the translator doesn't run on this host");
        FuzzMachine? machine = null;
        using LoopWatch watch = new();
        FuzzRun run = new(nameof(AnyCodeEndsInAnExit), 600);
        int cases = 0;
        int refused = 0;
        Exception? failure = watch.RunCases(
            () => run.Run((number, random) =>
            {
                if (machine is null || number % CasesPerMachine == 0)
                {
                    machine?.Dispose();
                    machine = new FuzzMachine(engine);
                }

                machine.Vcpu.PutState(FuzzState.Create(random, machine), (PutLevel)random.Next(3));
                cases++;
                if (machine.Vcpu.EntryFailure is not null) refused++;
                watch.Begin(machine.Vcpu, milliseconds: 1);
                RunCase(machine, random);
                watch.End();
                machine.Check();
                if (number % 4 == 0) Assert.NotEmpty(machine.Report());
            }),
            () => $"{machine?.Position()}");
        machine?.Dispose();
        Assert.Null(failure);
        Assert.True(refused * 1000L <= cases * (long)MostRefused, $"{refused} of {cases} states are none that a processor enters: too few run");
    }

    private static void RunCase(FuzzMachine machine, Random random)
    {
        for (int exits = 0; exits < MostExits; exits++)
        {
            ref VmExit exit = ref machine.Vcpu.Run();
            if (exit.Reason is VmExitReason.PortIo or VmExitReason.Mmio)
            {
                Assert.InRange(exit.Size * exit.Count, 1, exit.Data.Length);
                if (!exit.IsWrite) random.NextBytes(exit.Data);
            }
            else if (exit.Reason == VmExitReason.Interrupted)
            {
                break;
            }
            else if (machine.Vcpu.EntryFailure is not null)
            {
                Assert.Equal(VmExitReason.FailEntry, exit.Reason);
                break;
            }
            else
            {
                Assert.True(exit.Reason is VmExitReason.Shutdown or VmExitReason.HaltForever or VmExitReason.IoapicEoi, $"exit {exit.Reason}");
                if (exit.Reason != VmExitReason.IoapicEoi && random.Next(4) != 0) break;
            }
        }
    }
}
