using System.Collections.ObjectModel;
using Vitrine.Memory;

namespace Vitrine.Accelerators;

/// <summary>
/// What runs the vCPUs of one virtual machine: KVM or the software CPU. Created for one machine, disposed with it.
/// It knows nothing of devices: what it can't finish itself leaves <see cref="IVirtualCpu.Run"/> as a <see cref="VmExit"/>.
/// It observes the machine's memory: what it derived from memory (code, shadow page tables, dirty logs) follows writes that no vCPU makes.
/// </summary>
public interface IAccelerator : IGuestMemoryObserver, IDisposable
{
    /// <summary>"kvm" or "soft".</summary>
    string Name { get; }

    /// <summary>
    /// True when PIC, IOAPIC and PIT live in the accelerator (KVM's in-kernel irqchip): the board must not create its own,
    /// and drives <see cref="SetInterruptLine"/> instead. False: only the local APIC is in the accelerator; the board has
    /// the others and connects them through <see cref="SendInterruptMessage"/> and <see cref="ConnectExternalInterrupts"/>.
    /// </summary>
    bool HasInterruptControllers { get; }

    /// <summary>
    /// True when guests run on the host's own processor and hypervisor: their CPUID may announce only what
    /// <see cref="IVirtualCpu.SupportedCpuid"/> lists, and the hypervisor's own leaves are passed on.
    /// </summary>
    bool UsesHostCpuid { get; }

    /// <summary>It needs guest memory that other processes can map (<see cref="Memory.MemoryBacking.Shared"/>).</summary>
    bool NeedsSharedMemory => false;

    /// <summary>How many vCPUs a machine may have here.</summary>
    int MaximumVcpus { get; }

    /// <summary>
    /// Makes a memory slot visible to the guest, or changes the flags of one that is. As with <see cref="IGuestMemoryObserver.OnSlotsChanged"/>, vCPUs may run.
    /// </summary>
    void SetMemorySlot(MemorySlot slot);

    /// <summary>Takes a memory slot away from the guest. When this returns, no vCPU uses its memory any more.</summary>
    void RemoveMemorySlot(MemorySlot slot);

    /// <summary>
    /// Reads and clears the dirty log of a slot with <see cref="MemorySlotFlags.LogDirtyPages"/>: what vCPUs have written there, and what was written through
    /// <see cref="IGuestMemory"/> in any slot that shows the same host memory.
    /// </summary>
    /// <param name="slot">The slot.</param>
    /// <param name="bitmap">One bit per 4-KiB page, 64 pages per element; must cover the slot.</param>
    void GetDirtyLog(MemorySlot slot, Span<ulong> bitmap);

    /// <summary>Creates a vCPU in its reset state. It must then be used by one thread only, except where a member says otherwise.</summary>
    /// <param name="id">Number and local-APIC id, from 0; 0 is the bootstrap processor.</param>
    IVirtualCpu CreateVcpu(int id);

    /// <summary>Sets the level of an interrupt line (global system interrupt). Only with <see cref="HasInterruptControllers"/>. Any thread.</summary>
    void SetInterruptLine(int gsi, bool level);

    /// <summary>Delivers a message-signalled interrupt to the local APICs (SDM vol. 3, "Message Signalled Interrupts"). Any thread.</summary>
    /// <returns>How many processors took it, perhaps none; −1 while there is no processor.</returns>
    int SendInterruptMessage(ulong address, uint data);

    /// <summary>What it holds of the machine beside vCPUs and memory, while these stand, by name: KVM's interrupt controllers and timers.</summary>
    IReadOnlyDictionary<string, byte[]> GetState() => ReadOnlyDictionary<string, byte[]>.Empty;

    /// <summary>Takes over what <see cref="GetState"/> gave, before the states of the vCPUs.</summary>
    /// <exception cref="Errors.VitrineException">It is not such a state.</exception>
    void PutState(IReadOnlyDictionary<string, byte[]> state) =>
        Errors.InvalidState.Unless(state.Count == 0, Name, $"it has no part {string.Join(", ", state.Keys)}");

    /// <summary>Connects the 8259 pair's output. Only without <see cref="HasInterruptControllers"/>; before the first run.</summary>
    void ConnectExternalInterrupts(IExternalInterruptSource source);
}
