using Vitrine.Accelerators;
using Xunit;

namespace Vitrine.Tests.Robustness;

/// <summary>Ends what goes round and round in a guest, by kicks from another thread until it is over, and notices what even they don't end.</summary>
internal sealed class LoopWatch : IDisposable
{
    // Far more than any case needs on any machine; only what never ends takes as long.
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(60);

    private readonly Lock _sync = new();
    private readonly Thread _thread;
    private IVirtualCpu? _target;
    private ulong _limit;
    private int _looks;
    private long _ended;
    private long _seen = -1;
    private bool _finished;

    public LoopWatch()
    {
        _thread = new Thread(Run) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>Runs cases on a thread of their own, and fails when none ends for long.</summary>
    /// <param name="cases">The cases, each between <see cref="Begin"/> or <see cref="BeginCounted"/> and <see cref="End"/>.</param>
    /// <param name="position">Tells where a case is that doesn't end.</param>
    /// <returns>What they have thrown.</returns>
    public Exception? RunCases(Action cases, Func<string> position)
    {
        Exception? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                cases();
            }
            catch (Exception error)
            {
                End();
                failure = error;
            }
        })
        { IsBackground = true };
        thread.Start();
        while (!thread.Join(Hang)) Assert.True(HasProgressed(), $"a case does not end, though it is kicked: {position()}");
        return failure;
    }

    /// <summary>A case is about to run.</summary>
    /// <param name="vcpu">The vCPU that runs it.</param>
    /// <param name="milliseconds">How long it may take, at least 1.</param>
    public void Begin(IVirtualCpu vcpu, int milliseconds) => Watch(vcpu, milliseconds, 0);

    /// <summary>A case is about to run on a vCPU that counts what it executes.</summary>
    /// <param name="vcpu">The vCPU that runs it.</param>
    /// <param name="instructions">How many instructions it may take.</param>
    public void BeginCounted(IVirtualCpu vcpu, ulong instructions) => Watch(vcpu, 0, vcpu.Inspection.InstructionsExecuted + instructions);

    /// <summary>It has ended.</summary>
    public void End()
    {
        lock (_sync)
        {
            _target = null;
            _ended++;
        }
    }

    public void Dispose()
    {
        lock (_sync) _finished = true;
        _thread.Join();
    }

    private void Watch(IVirtualCpu vcpu, int milliseconds, ulong limit)
    {
        lock (_sync)
        {
            _target = vcpu;
            _looks = milliseconds;
            _limit = limit;
        }
    }

    // Whether a case has ended since the last call.
    private bool HasProgressed()
    {
        lock (_sync)
        {
            bool progressed = _ended != _seen;
            _seen = _ended;
            return progressed;
        }
    }

    private void Run()
    {
        while (true)
        {
            Thread.Sleep(1);
            lock (_sync)
            {
                if (_finished) return;
                if (_target is null) continue;

                // The first look may come at once: time is over at the one behind the last millisecond.
                if (_limit == 0 ? --_looks < 0 : _target.Inspection.InstructionsExecuted > _limit) _target.Kick();
            }
        }
    }
}
