using Vitrine.Accelerators.Mmu;
using Vitrine.KvmServer.Native;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.Cpuid;
using Vitrine.X86.State;

namespace Vitrine.KvmServer.Watch;

/// <summary>A vCPU of a client's machine, as who watches it may see it: one that is served here, or one of the host's own KVM. Nothing here changes it.</summary>
/// <param name="machine">Number of its machine in this process, from 1.</param>
public abstract class WatchedVcpu(int machine)
{
    /// <summary>Number of its machine in this process, from 1.</summary>
    public int Machine { get; } = machine;

    /// <summary>Number and local-APIC id.</summary>
    public abstract int Id { get; }

    /// <summary>What CPUID answers; empty until the client has said.</summary>
    public abstract IReadOnlyList<CpuidEntry> Cpuid { get; }

    /// <summary>The MMU; null on the host's own KVM, which nobody can look into. Only for who is called by the thread that runs the vCPU.</summary>
    public abstract IMmuInspection? Mmu { get; }

    /// <summary>What runs it: "interpreter" or "translator"; empty on the host's own KVM.</summary>
    public abstract string Engine { get; }

    /// <summary>True on the host's own KVM.</summary>
    public abstract bool IsHardware { get; }

    /// <summary>True when its first instructions can't be seen any more: on the host's own KVM one that waits for its start-up IPI begins inside KVM_RUN.</summary>
    public virtual bool IsOutOfSight => false;

    /// <summary>The memory slots as they are now. Any thread.</summary>
    public abstract IReadOnlyList<MemorySlot> Slots { get; }

    /// <summary>Reads the registers. Any thread: waits until the vCPU is out of the guest.</summary>
    public abstract void GetState(ProcessorState state);

    /// <summary>As <see cref="GetState"/>, without waiting. Any thread.</summary>
    /// <returns>False while another thread's call on the vCPU lasts, or may last.</returns>
    public abstract bool TryGetState(ProcessorState state);

    /// <summary>Asks KVM for an address of the guest's (KVM_TRANSLATE). Only for who is called by the thread that runs the vCPU.</summary>
    /// <param name="linear">The linear address.</param>
    /// <param name="gpa">The guest-physical address; where nothing is mapped there, null.</param>
    /// <returns>False where nobody can be asked.</returns>
    public virtual bool TryTranslate(ulong linear, out Gpa? gpa)
    {
        gpa = null;
        return false;
    }

    /// <summary>Copies guest memory out; the range may span adjacent slots. Any thread.</summary>
    /// <returns>False when part of the range has no slot, or the client has nothing mapped there; the destination is then undefined.</returns>
    public bool TryRead(Gpa address, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            if (Find(address) is not { } slot) return false;
            ulong offset = address.Value - slot.Start.Value;
            int part = (int)Math.Min((ulong)destination.Length, slot.Size - offset);
            if (ClientMemory.Read(slot.HostAddress + offset, destination[..part]) < 0) return false;
            destination = destination[part..];
            address += (ulong)part;
        }

        return true;
    }

    /// <summary>The slot that holds a guest-physical address; null when none does. Any thread.</summary>
    public MemorySlot? Find(Gpa address)
    {
        foreach (MemorySlot slot in Slots)
        {
            if (slot.Contains(address)) return slot;
        }

        return null;
    }
}
