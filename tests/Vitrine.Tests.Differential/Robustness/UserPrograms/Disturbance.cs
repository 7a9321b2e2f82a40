using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Tests.Robustness.UserPrograms;

/// <summary>Asks for a vCPU's attention again and again, so that whatever runs there stops at any instruction, and another engine may go on.</summary>
internal sealed unsafe class Disturbance : IDisposable
{
    // SAFETY: the state is the vCPU's, which lives longer than this object.
    private readonly CpuState* _cpu;
    private readonly Thread _thread;
    private volatile bool _finished;

    public Disturbance(SoftwareVcpu vcpu)
    {
        _cpu = vcpu.State;
        _thread = new Thread(Run) { IsBackground = true };
        _thread.Start();
    }

    public void Dispose()
    {
        _finished = true;
        _thread.Join();
    }

    private void Run()
    {
        Random random = new(7);
        while (!_finished)
        {
            Thread.SpinWait(random.Next(20_000));
            Attention.Ask(_cpu);
            if (random.Next(16) == 0) Thread.Sleep(1);
        }
    }
}
