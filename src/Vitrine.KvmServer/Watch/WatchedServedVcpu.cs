using Vitrine.Accelerators.Mmu;
using Vitrine.KvmServer.Engine;
using Vitrine.Memory;
using Vitrine.X86.Cpuid;
using Vitrine.X86.State;

namespace Vitrine.KvmServer.Watch;

/// <summary>A vCPU that is served here.</summary>
/// <param name="machine">Number of its machine.</param>
/// <param name="engine">What runs the machine.</param>
/// <param name="vcpu">The vCPU.</param>
internal sealed class WatchedServedVcpu(int machine, VmEngine engine, ServedVcpu vcpu) : WatchedVcpu(machine)
{
    /// <inheritdoc/>
    public override int Id => vcpu.Id;

    /// <inheritdoc/>
    public override IReadOnlyList<CpuidEntry> Cpuid => vcpu.Cpuid;

    /// <inheritdoc/>
    public override IMmuInspection? Mmu => vcpu.Cpu.Inspection.Mmu;

    /// <inheritdoc/>
    public override string Engine => vcpu.Cpu.Inspection.Statistics?.Engine ?? "";

    /// <inheritdoc/>
    public override bool IsHardware => false;

    /// <inheritdoc/>
    public override IReadOnlyList<MemorySlot> Slots => engine.Slots.Shown;

    /// <inheritdoc/>
    public override void GetState(ProcessorState state)
    {
        lock (vcpu.Gate) vcpu.Cpu.GetState(state);
    }

    /// <inheritdoc/>
    public override bool TryGetState(ProcessorState state)
    {
        if (!Monitor.TryEnter(vcpu.Gate)) return false;
        try
        {
            vcpu.Cpu.GetState(state);
            return true;
        }
        finally
        {
            Monitor.Exit(vcpu.Gate);
        }
    }
}
