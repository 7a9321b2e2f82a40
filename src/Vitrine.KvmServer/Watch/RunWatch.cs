using Vitrine.Accelerators;
using Vitrine.KvmServer.Engine;

namespace Vitrine.KvmServer.Watch;

/// <summary>What KVM_RUN asks a watcher, around each entry of the guest. The vCPU's lock is held.</summary>
/// <param name="watcher">Who watches.</param>
/// <param name="watched">What it sees.</param>
/// <param name="vcpu">The vCPU.</param>
internal sealed class RunWatch(IVcpuWatcher watcher, WatchedVcpu watched, ServedVcpu vcpu)
{
    private bool _steps;

    /// <summary>The guest is about to be entered. A client that steps or breaks by itself is left alone.</summary>
    public void Enter()
    {
        _steps = vcpu.Parts.Debugging is null && watcher.Enters(watched);
        if (_steps) vcpu.Cpu.Inspection.SingleStep = true;
    }

    /// <summary>The guest has been left.</summary>
    /// <returns>True when it is to be entered again: the exit was a step.</returns>
    public bool TakeStep(ref VmExit exit)
    {
        if (!_steps) return false;
        if (exit.Reason == VmExitReason.Debug)
        {
            _steps = watcher.Stepped(watched);
            if (!_steps) vcpu.Cpu.Inspection.SingleStep = false;
            return true;
        }

        if (exit.Reason != VmExitReason.Interrupted) watcher.Left(watched, ref exit);
        return false;
    }

    /// <summary>The client gets the vCPU back.</summary>
    public void Leave()
    {
        if (!_steps) return;
        vcpu.Cpu.Inspection.SingleStep = false;
        _steps = false;
        watcher.Returns(watched);
    }
}
