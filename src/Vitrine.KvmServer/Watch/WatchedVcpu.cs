using Vitrine.Accelerators.Mmu;
using Vitrine.KvmServer.Engine;
using Vitrine.KvmServer.Native;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.Cpuid;
using Vitrine.X86.State;

namespace Vitrine.KvmServer.Watch;

/// <summary>A vCPU of a served machine, as who watches it may see it. Nothing here changes it.</summary>
public sealed class WatchedVcpu
{
    private readonly VmEngine _engine;
    private readonly ServedVcpu _vcpu;

    internal WatchedVcpu(int machine, VmEngine engine, ServedVcpu vcpu) => (Machine, _engine, _vcpu) = (machine, engine, vcpu);

    /// <summary>Number of its machine in this process, from 1.</summary>
    public int Machine { get; }

    /// <summary>Number and local-APIC id.</summary>
    public int Id => _vcpu.Id;

    /// <summary>What CPUID answers; empty until the client has said.</summary>
    public IReadOnlyList<CpuidEntry> Cpuid => _vcpu.Cpuid;

    /// <summary>The MMU. Only for who is called by the thread that runs the vCPU.</summary>
    public IMmuInspection? Mmu => _vcpu.Cpu.Inspection.Mmu;

    /// <summary>"interpreter" or "translator".</summary>
    public string Engine => _vcpu.Cpu.Inspection.Statistics?.Engine ?? "";

    /// <summary>The memory slots as they are now. Any thread.</summary>
    public IReadOnlyList<MemorySlot> Slots => _engine.Slots.Shown;

    /// <summary>Reads the registers. Any thread: waits until the vCPU is out of the guest.</summary>
    public void GetState(ProcessorState state)
    {
        lock (_vcpu.Gate) _vcpu.Cpu.GetState(state);
    }

    /// <summary>As <see cref="GetState"/>, without waiting. Any thread.</summary>
    /// <returns>False while another thread's call on the vCPU lasts.</returns>
    public bool TryGetState(ProcessorState state)
    {
        if (!Monitor.TryEnter(_vcpu.Gate)) return false;
        try
        {
            _vcpu.Cpu.GetState(state);
            return true;
        }
        finally
        {
            Monitor.Exit(_vcpu.Gate);
        }
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
