using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.Apic;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.Sharing;
using Vitrine.Timing;
using Vitrine.X86.Cpuid;

namespace Vitrine.Accelerators.Software.System;

/// <summary>What belongs to a processor besides its registers and its memory: what instructions of the system reach through the state.</summary>
internal sealed unsafe class Processor : IDisposable
{
    // SAFETY: _cpu is the state of the vCPU that owns this object, and outlives it; its handle is this object's until Dispose.
    private readonly CpuState* _cpu;
    private readonly MachineClock _clock;
    private GCHandle<Processor> _handle;

    /// <summary>The processor of a state, which leads to it from now on.</summary>
    public Processor(CpuState* cpu, SoftMmu mmu, Bus bus, LocalApic localApic, VcpuPresence presence, MachineClock clock)
    {
        _cpu = cpu;
        _clock = clock;
        Mmu = mmu;
        Bus = bus;
        LocalApic = localApic;
        Presence = presence;
        Msrs = new ModelSpecificRegisters(cpu, this);
        _handle = new GCHandle<Processor>(this);
        cpu->ProcessorHandle = GCHandle<Processor>.ToIntPtr(_handle);
    }

    /// <summary>The MMU.</summary>
    public SoftMmu Mmu { get; }

    /// <summary>Ports and device memory.</summary>
    public Bus Bus { get; }

    /// <summary>The local APIC.</summary>
    public LocalApic LocalApic { get; }

    /// <summary>RDMSR and WRMSR.</summary>
    public ModelSpecificRegisters Msrs { get; }

    /// <summary>The processor among the others of the machine.</summary>
    public VcpuPresence Presence { get; }

    /// <summary>What the processor has, as CPUID announces it when nothing is switched off (SDM vol. 2, CPUID).</summary>
    public CpuidTable Cpuid { get; set; } = new([]);

    /// <summary>The processor of a state. For slow paths.</summary>
    public static Processor Of(CpuState* cpu) => GCHandle<Processor>.FromIntPtr(cpu->ProcessorHandle).Target;

    /// <summary>The time-stamp counter as the guest sees it.</summary>
    public ulong ReadTsc() => (ulong)(_clock.Now + _cpu->TscOffset);

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();
}
