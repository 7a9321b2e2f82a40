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

    // Far more than any case needs on any machine; only what never ends takes as long.
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(SoftwareEngine.Interpreter)]
    [InlineData(SoftwareEngine.Translator)]
    public void AnyCodeEndsInAnExit(SoftwareEngine engine)
    {
        Assert.SkipUnless(engine == SoftwareEngine.Interpreter || SoftwareAccelerator.HostHasTranslator, "the translator doesn't run on this host");
        FuzzMachine? machine = null;
        using Kicker kicker = new();
        FuzzRun run = new(nameof(AnyCodeEndsInAnExit), 600);
        Exception? failure = null;
        int cases = 0;
        int refused = 0;
        Thread thread = new(() =>
        {
            try
            {
                run.Run((number, random) =>
                {
                    if (machine is null || number % CasesPerMachine == 0)
                    {
                        machine?.Dispose();
                        machine = new FuzzMachine(engine);
                    }

                    machine.Vcpu.PutState(FuzzState.Create(random, machine), (PutLevel)random.Next(3));
                    cases++;
                    if (machine.Vcpu.EntryFailure is not null) refused++;
                    kicker.Begin(machine.Vcpu);
                    RunCase(machine, random);
                    kicker.End();
                    machine.Check();
                    if (number % 4 == 0) Assert.NotEmpty(machine.Report());
                });
            }
            catch (Exception error)
            {
                kicker.End();
                failure = error;
            }
        })
        { IsBackground = true };
        thread.Start();
        while (!thread.Join(Hang)) Assert.True(kicker.HasProgressed(), $"a case does not end, though it is kicked: {machine?.Position()}");
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

    /// <summary>Ends each case by a kick from another thread, again and again until it is over.</summary>
    private sealed class Kicker : IDisposable
    {
        private readonly Lock _sync = new();
        private readonly Thread _thread;
        private IVirtualCpu? _target;
        private bool _finished;
        private int _ended;
        private int _seen = -1;

        public Kicker()
        {
            _thread = new Thread(Run) { IsBackground = true };
            _thread.Start();
        }

        public void Begin(IVirtualCpu target)
        {
            lock (_sync) _target = target;
        }

        public void End()
        {
            lock (_sync)
            {
                _target = null;
                _ended++;
            }
        }

        /// <summary>Whether a case has ended since the last call.</summary>
        public bool HasProgressed()
        {
            lock (_sync)
            {
                bool progressed = _ended != _seen;
                _seen = _ended;
                return progressed;
            }
        }

        public void Dispose()
        {
            lock (_sync) _finished = true;
            _thread.Join();
        }

        private void Run()
        {
            int present = -1;
            while (true)
            {
                Thread.Sleep(1);
                lock (_sync)
                {
                    if (_finished) return;

                    // Not at once: a case whose beginning was seen has had a millisecond.
                    if (present == _ended) _target?.Kick();
                    present = _target is null ? -1 : _ended;
                }
            }
        }
    }
}
