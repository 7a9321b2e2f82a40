using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.Descriptors;
using Vitrine.X86.Exceptions;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.System;

/// <summary>The code segment that a gate names, checked (SDM vol. 2, INT n and CALL).</summary>
internal readonly unsafe ref struct GateTarget
{
    // SAFETY: takes the running vCPU's state.
    private readonly ushort _selector;
    private readonly SegmentDescriptor _descriptor;
    private readonly ulong _address;

    private GateTarget(ushort selector, SegmentDescriptor descriptor, ulong address, uint cpl)
    {
        _selector = selector;
        _descriptor = descriptor;
        _address = address;
        Cpl = cpl;
    }

    /// <summary>The privilege level of the handler.</summary>
    public uint Cpl { get; }

    /// <summary>The segment's limit.</summary>
    public uint Limit => _descriptor.Limit;

    /// <summary>True when the segment is conforming.</summary>
    public bool IsConforming => _descriptor.IsConforming();

    /// <summary>DPL of the segment.</summary>
    public uint Dpl => _descriptor.Dpl;

    /// <summary>Fetches and checks the code segment of a gate: #GP or #NP with its selector.</summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="selector">The gate's selector.</param>
    /// <param name="external">The error code's EXT bit.</param>
    /// <param name="target">The target.</param>
    /// <returns>False when a fault is recorded.</returns>
    public static bool TryFetch(CpuState* cpu, ushort selector, uint external, out GateTarget target)
    {
        target = default;
        if (DescriptorRules.IsNull(selector)) return GuestFault.GeneralProtection(cpu, external);
        if (!DescriptorTables.TryFetch(cpu, selector, ExceptionVector.GP, external, out SegmentDescriptor code, out ulong address))
            return false;
        uint error = GuestFault.ErrorCode(selector, external);
        if (!code.IsCode || code.Dpl > cpu->Cpl) return GuestFault.GeneralProtection(cpu, error);
        if ((cpu->Mode & ExecutionMode.LongMode) != 0 && (!code.Long || code.DefaultBig))
            return GuestFault.GeneralProtection(cpu, error);
        if (!code.Present) return GuestFault.NotPresent(cpu, error);
        target = new GateTarget(selector, code, address, code.IsConforming() ? cpu->Cpl : code.Dpl);
        return true;
    }

    /// <summary>Sets the descriptor's accessed bit: the last step that can fault, so before the frame is written.</summary>
    /// <returns>False when a fault is recorded.</returns>
    public bool TryMarkAccessed(CpuState* cpu)
    {
        SegmentDescriptor descriptor = _descriptor;
        return DescriptorTables.TryMarkAccessed(cpu, _address, ref descriptor);
    }

    /// <summary>Loads CS, CPL and RIP. The caller refreshes the modes.</summary>
    public void Enter(CpuState* cpu, ulong offset)
    {
        SegmentDescriptor accessed = new(_descriptor.Raw | SegmentDescriptor.AccessedBit);
        SegmentLoad.Store(cpu, Seg.Cs, (ushort)((_selector & ~3u) | Cpl), accessed);
        cpu->Cpl = Cpl;
        cpu->Rip = offset;
    }
}
