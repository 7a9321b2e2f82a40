using System.Runtime.InteropServices;
using Vitrine.Accelerators.Parts;
using Vitrine.Accelerators.Software.Apic;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.Sharing;
using Vitrine.Timing;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Registers;

namespace Vitrine.Accelerators.Software.System;

/// <summary>What belongs to a processor besides its registers and its memory: what instructions of the system reach through the state.</summary>
internal sealed unsafe class Processor : IDisposable
{
    // SAFETY: _cpu is the state of the vCPU that owns this object, and outlives it; its handle is this object's until Dispose.
    private readonly CpuState* _cpu;
    private readonly MachineClock _clock;
    private GCHandle<Processor> _handle;

    /// <summary>The processor of a state, which leads to it from now on.</summary>
    public Processor(
        CpuState* cpu, SoftMmu mmu, Bus bus, LocalApic localApic, VcpuPresence presence, MachineClock clock, VmBehavior behavior)
    {
        _cpu = cpu;
        _clock = clock;
        Mmu = mmu;
        Bus = bus;
        LocalApic = localApic;
        Presence = presence;
        Behavior = behavior;
        ParavirtualClock = new ParavirtualClock(cpu, this);
        Debugging = new GuestDebugging(cpu);
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

    /// <summary>What a client of KVM's calls wants to happen.</summary>
    public ClientEvents Client { get; } = new();

    /// <summary>What such a client has chosen.</summary>
    public VmBehavior Behavior { get; }

    /// <summary>
    /// A client's external interrupt would be delivered at once: RFLAGS.IF is set, no shadow is cast, nothing else comes first, and the local APIC, if there is one,
    /// lets it through.
    /// </summary>
    public bool IsOpenForInterrupt =>
        (_cpu->SystemFlags & Rflags.IF) != 0 && _cpu->InterruptShadow == 0 && _cpu->PendingDebug == 0 && !Client.HasInjection && !Client.HasInterrupt &&
        AcceptsExternal;

    /// <summary>Nothing stands between an external interrupt and the processor's pin.</summary>
    public bool AcceptsExternal => Behavior.LocalApicAtClient || LocalApic.LetsExternalThrough;

    /// <summary>The machine's time in nanoseconds.</summary>
    public long Now => _clock.Now;

    /// <summary>Calendar time, UTC.</summary>
    public DateTimeOffset UtcNow => _clock.UtcNow;

    /// <summary>The guest's debug registers, and a debugger outside it.</summary>
    public GuestDebugging Debugging { get; }

    /// <summary>KVM's clock for guests.</summary>
    public ParavirtualClock ParavirtualClock { get; }

    /// <summary>RDMSR and WRMSR.</summary>
    public ModelSpecificRegisters Msrs { get; }

    /// <summary>The processor among the others of the machine.</summary>
    public VcpuPresence Presence { get; }

    /// <summary>What the processor has, as CPUID announces it when nothing is switched off (SDM vol. 2, CPUID).</summary>
    public CpuidTable Cpuid
    {
        get;
        set
        {
            field = value;
            Msrs.Kvm.Follow(value);
        }
    } = new([]);

    /// <summary>The processor of a state. For slow paths.</summary>
    public static Processor Of(CpuState* cpu) => GCHandle<Processor>.FromIntPtr(cpu->ProcessorHandle).Target;

    /// <summary>The time-stamp counter as the guest sees it.</summary>
    public ulong ReadTsc() => (ulong)(_clock.Now + _cpu->TscOffset);

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();
}
