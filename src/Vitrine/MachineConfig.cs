using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Observation;
using Vitrine.Accelerators.Software;
using Vitrine.Boards;
using Vitrine.Boot;
using Vitrine.Errors;
using Vitrine.Memory;
using Vitrine.Timing;
using Vitrine.X86.Cpuid;

namespace Vitrine;

/// <summary>What a virtual machine is to be. Checked by <see cref="VirtualMachine.Create"/>.</summary>
public sealed record MachineConfig
{
    /// <summary>What to boot.</summary>
    public required BootSource Boot { get; init; }

    /// <summary>The devices around the processors, and where they are.</summary>
    public BoardModel Board { get; init; } = BoardModel.Microvm;

    /// <summary>Guest RAM in bytes: a multiple of 4 KiB, from 1 MiB to 64 GiB.</summary>
    public ulong MemoryBytes { get; init; } = 512UL << 20;

    /// <summary>
    /// What host memory the guest's is: <see cref="MemoryBacking.Shared"/> gives each slot a descriptor, <see cref="HostMapping.File"/>, by which others can map it.
    /// </summary>
    public MemoryBacking MemoryBacking { get; init; }

    /// <summary>Number of vCPUs, from 1 to 8.</summary>
    public int Cpus { get; init; } = 1;

    /// <summary>
    /// CPU model: "x86-64-v1", "x86-64-v2", "x86-64-v3" or "host". The last two need KVM or the translator, and "x86-64-v3" a host that has it.
    /// </summary>
    public string CpuModel { get; init; } = "x86-64-v2";

    /// <summary>What runs the vCPUs.</summary>
    public AcceleratorChoice Accelerator { get; init; } = AcceleratorChoice.Auto;

    /// <summary>
    /// How the software CPU translates addresses; null for its default, which is <see cref="MmuMode.Shadow"/> with one vCPU and
    /// <see cref="MmuMode.Nested"/> with several: shadow page tables belong to one. <see cref="AcceleratorChoice.Auto"/> then takes the software
    /// CPU, since KVM has an MMU of its own.
    /// </summary>
    public MmuMode? Mmu { get; init; }

    /// <summary>
    /// How the software CPU executes instructions; null for its default. <see cref="AcceleratorChoice.Auto"/> then takes the software
    /// CPU.
    /// </summary>
    public SoftwareEngine? Engine { get; init; }

    /// <summary>
    /// The software CPU compares its translator with its interpreter at the end of every block, and the machine ends with
    /// <see cref="VmEndReason.EnginesDiffer"/> at the first difference. Slow. One vCPU; <see cref="AcceleratorChoice.Auto"/> takes the software CPU.
    /// </summary>
    public bool Lockstep { get; init; }

    /// <summary>
    /// Counts what costs time to count, for <see cref="VirtualMachine.GetStatistics"/>: translated code is then written with counters in it. Only the software
    /// CPU counts.
    /// </summary>
    public bool Statistics { get; init; }

    /// <summary>Receives every call that is made to the accelerator, from its creation on. Null, the default, observes nothing and costs nothing.</summary>
    public CallLog? Calls { get; init; }

    /// <summary>
    /// What drives the machine's time; null, the default, for the host's clock. Whatever drives it stands still for the machine while that is not running,
    /// except for calendar time. On KVM it drives the board's devices only: the processors' counters are the host's.
    /// </summary>
    public IClockSource? ClockSource { get; init; }

    /// <summary>True when a guest's request for a reset ends the machine; false when it starts over, as a computer does.</summary>
    public bool ExitOnReset { get; init; }

    /// <summary>
    /// Receives what the guest sends on its first serial port, byte by byte in order, on the thread that runs the vCPU:
    /// it must not block for long. Null discards.
    /// </summary>
    public Action<ReadOnlySpan<byte>>? SerialOutput { get; init; }

    /// <summary>Receives what firmware writes to the debug port 0x402. Null discards.</summary>
    public Action<ReadOnlySpan<byte>>? DebugOutput { get; init; }

    /// <summary>Receives one line about the accelerator that <see cref="AcceleratorChoice.Auto"/> chose, and why. Null discards.</summary>
    public Action<string>? Notice { get; init; }

    /// <summary>Checks what can be checked without making anything; <see cref="VirtualMachine.Create"/> does it too.</summary>
    /// <exception cref="VitrineException">A value is outside its limits.</exception>
    public void Check()
    {
        ConfigCheck.Memory(MemoryBytes, HostMemory.AvailableBytes);
        ConfigCheck.Cpus(Cpus);
        CpuModels.Get(CpuModel);
        SoftwareAccelerator.CheckMmu(Mmu, Cpus);
        if (Mmu is not null && Accelerator == AcceleratorChoice.Kvm)
        {
            throw VitrineException.User(
                ErrorCode.ConfigMmuOnKvm,
                "An MMU mode was given for KVM.",
                "Shadow and nested are the modes of the software CPU; KVM's own MMU can't be chosen from here.",
                "Leave MachineConfig.Mmu out, or choose the software CPU.");
        }

        if (Lockstep) ConfigCheck.Lockstep(this);
        if (Engine is not null && Accelerator == AcceleratorChoice.Kvm)
        {
            throw VitrineException.User(
                ErrorCode.ConfigEngineOnKvm,
                "An engine of the software CPU was given for KVM.",
                "Interpreter and translator are what the software CPU executes with; KVM uses the host's processor.",
                "Leave MachineConfig.Engine out, or choose the software CPU.");
        }
    }
}
