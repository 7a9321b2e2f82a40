using System.Runtime.InteropServices;
using Vitrine.Accelerators.Parts;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software;

/// <summary>Gets a vCPU out of what it does: out of running code to look at events, out of waiting, or with a kick out of the guest. Any thread.</summary>
/// <param name="cpu">The state of the vCPU.</param>
internal sealed unsafe class VcpuWaker(CpuState* cpu) : IDisposable
{
    // SAFETY: PollAt is the only field of the state that other threads write, and only zero; the state outlives this object, which owns _kicked until Dispose.
    private readonly WakeSignal _signal = new();
    private readonly uint* _kicked = (uint*)NativeMemory.AllocZeroed(sizeof(uint));

    /// <summary>The same as <see cref="Kick"/> for a signal handler on the vCPU's own thread.</summary>
    public AttentionWords Attention => new(_kicked, &cpu->PollAt, _signal.Word);

    /// <summary>Something has come for the vCPU.</summary>
    public void Wake()
    {
        Cpu.Attention.Ask(cpu);
        _signal.Signal();
    }

    /// <summary>The vCPU shall leave the guest.</summary>
    public void Kick()
    {
        Volatile.Write(ref *_kicked, 1);
        Wake();
    }

    /// <summary>A kick ends every wait; other requests are served when the vCPU goes on. The vCPU's thread.</summary>
    public bool TryTakeKick()
    {
        if (Volatile.Read(ref *_kicked) == 0) return false;
        Volatile.Write(ref *_kicked, 0);
        return true;
    }

    /// <summary>Waits until something comes. The vCPU's thread.</summary>
    /// <param name="nanoseconds">At most this long, see <see cref="WakeSignal.Wait"/>.</param>
    public void Wait(long nanoseconds) => _signal.Wait(nanoseconds);

    /// <inheritdoc/>
    public void Dispose()
    {
        _signal.Dispose();
        NativeMemory.Free(_kicked);
    }
}
