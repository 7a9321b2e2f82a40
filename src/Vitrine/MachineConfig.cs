using Vitrine.Accelerators.Observation;
using Vitrine.Accelerators.Software;
using Vitrine.Attachments;
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

    /// <summary>What it has beside its board's own devices: disks and the like, in the order in which the guest finds them.</summary>
    public IReadOnlyList<DeviceConfig> Devices { get; init; } = [];

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
    /// What can be chosen about the software CPU: its engine, its MMU (shadow page tables with one vCPU, two-dimensional with several, unless chosen), lockstep of its engines
    /// for one vCPU, where the machine ends with <see cref="VmEndReason.EnginesDiffer"/> at the first difference, and what is counted for
    /// <see cref="VirtualMachine.GetStatistics"/>. <see cref="AcceleratorChoice.Auto"/> takes the software CPU where an engine, an MMU or lockstep is chosen,
    /// since KVM has no use for them.
    /// </summary>
    public SoftwareOptions Software { get; init; } = new();

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
    /// Receives what the guest sends on its first serial port, in order and in pieces of any length, on a thread of its own. It may be slow: the guest runs on
    /// until 64 KiB wait. All of it has been received before the machine's end is told (<see cref="VirtualMachine.Wait"/>), and before
    /// <see cref="VirtualMachine.Pause"/> or a step returns. What it throws ends the machine. Null discards.
    /// </summary>
    public Action<ReadOnlySpan<byte>>? SerialOutput { get; init; }

    /// <summary>Receives what firmware writes to the debug port 0x402, as <see cref="SerialOutput"/> does. Null discards.</summary>
    public Action<ReadOnlySpan<byte>>? DebugOutput { get; init; }

    /// <summary>
    /// Receives lines for the user: about the accelerator that <see cref="AcceleratorChoice.Auto"/> chose, and why; and about a device that the host fails. It must
    /// not block. Null discards.
    /// </summary>
    public Action<string>? Notice { get; init; }

    /// <summary>Checks what can be checked without making anything; <see cref="VirtualMachine.Create"/> does it too.</summary>
    /// <exception cref="VitrineException">A value is outside its limits.</exception>
    public void Check()
    {
        ConfigCheck.Memory(MemoryBytes, HostMemory.AvailableBytes);
        ConfigCheck.Cpus(Cpus);
        CpuModels.Get(CpuModel);
        Board.CheckDevices(Devices.Count);
        foreach (DeviceConfig device in Devices) device.Check();
        SoftwareAccelerator.CheckMmu(Software.Mmu, Cpus);
        if (Software.Mmu is not null && Accelerator == AcceleratorChoice.Kvm)
        {
            throw VitrineException.User(
                ErrorCode.ConfigMmuOnKvm,
                "An MMU mode was given for KVM.",
                "Shadow and two-dimensional are the modes of the software CPU; KVM's own MMU can't be chosen from here.",
                "Leave SoftwareOptions.Mmu out, or choose the software CPU.");
        }

        if (Software.UserCode is not null && Accelerator == AcceleratorChoice.Kvm)
        {
            throw VitrineException.User(
                ErrorCode.ConfigUserCodeOnKvm,
                "It was said what runs user code, for KVM.",
                "Translated and native are the ways of the software CPU; KVM runs everything on the host's processor.",
                "Leave SoftwareOptions.UserCode out, or choose the software CPU.");
        }

        if (Software.Lockstep) ConfigCheck.Lockstep(this);
        if (Software.Engine is not null && Accelerator == AcceleratorChoice.Kvm)
        {
            throw VitrineException.User(
                ErrorCode.ConfigEngineOnKvm,
                "An engine of the software CPU was given for KVM.",
                "Interpreter and translator are what the software CPU executes with; KVM uses the host's processor.",
                "Leave SoftwareOptions.Engine out, or choose the software CPU.");
        }
    }
}
