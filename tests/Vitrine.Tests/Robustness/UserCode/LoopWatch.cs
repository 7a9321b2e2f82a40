using Vitrine.Accelerators.Software;

namespace Vitrine.Tests.Robustness.UserCode;

/// <summary>Ends programs that go round and round: on the interpreter by the number of instructions, on the translator, which doesn't count them, by time.</summary>
internal sealed class LoopWatch : IDisposable
{
    private const ulong MostInstructions = 20_000;
    private readonly Lock _sync = new();
    private readonly Thread _thread;
    private SoftwareVcpu? _target;
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

    /// <summary>A program is about to run.</summary>
    /// <param name="vcpu">The vCPU that runs it.</param>
    /// <param name="milliseconds">How long it may take on the translator; on the interpreter this isn't looked at.</param>
    public void Begin(SoftwareVcpu vcpu, int milliseconds)
    {
        lock (_sync)
        {
            _target = vcpu;
            _looks = milliseconds;
            _limit = vcpu.Translates ? 0 : vcpu.InstructionsExecuted + MostInstructions;
        }
    }

    /// <summary>It has ended.</summary>
    public void End()
    {
        lock (_sync)
        {
            _target = null;
            _ended++;
        }
    }

    /// <summary>Whether a program has ended since the last call.</summary>
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
        while (true)
        {
            Thread.Sleep(1);
            lock (_sync)
            {
                if (_finished) return;
                if (_target is null) continue;
                if (_target.Translates ? _looks-- < 0 : _target.InstructionsExecuted > _limit) _target.Kick();
            }
        }
    }
}
