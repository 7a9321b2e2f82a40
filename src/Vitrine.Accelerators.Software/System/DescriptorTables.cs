using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.Descriptors;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.System;

/// <summary>Descriptors in the GDT and the LDT (SDM vol. 3, 3.5 "System Descriptor Types").</summary>
internal static unsafe class DescriptorTables
{
    // SAFETY: takes the running vCPU's state; guest memory is reached through GuestAccess only.
    private const int TableIndicator = 4;
    private const ulong AccessByte = 5;
    private const byte Accessed = (byte)(SegmentDescriptor.AccessedBit >> 40);
    private const byte Busy = (byte)(SegmentDescriptor.BusyBit >> 40);

    /// <summary>Linear address of the descriptor that a selector names.</summary>
    /// <returns>False when its <paramref name="size"/> bytes are not inside the table, or there is no LDT.</returns>
    public static bool TryLocate(CpuState* cpu, ushort selector, uint size, out ulong address)
    {
        uint offset = selector & 0xFFF8u;
        ulong tableBase = cpu->GdtBase;
        uint limit = cpu->GdtLimit;
        if ((selector & TableIndicator) != 0)
        {
            ref SegmentCache ldt = ref cpu->Segments[Seg.Ldtr];
            tableBase = ldt.Base;
            limit = ldt.Limit;
            if ((ldt.Access & SegmentRegister.UnusableBit) != 0)
            {
                address = 0;
                return false;
            }
        }

        address = tableBase + offset;
        return offset + size - 1 <= limit;
    }

    /// <summary>Reads a descriptor. Outside its table: the fault <paramref name="vector"/> with the selector as error code.</summary>
    /// <returns>False when a fault is recorded.</returns>
    public static bool TryFetch(
        CpuState* cpu, ushort selector, byte vector, uint external, out SegmentDescriptor descriptor, out ulong address)
    {
        descriptor = default;
        if (!TryLocate(cpu, selector, 8, out address))
            return GuestFault.Set(cpu, vector, GuestFault.ErrorCode(selector, external));
        if (!GuestAccess.ReadSystem(cpu, address, out ulong raw)) return false;
        descriptor = new SegmentDescriptor(raw);
        return true;
    }

    /// <summary>
    /// Reads the second half of a system descriptor or gate in IA-32e mode. Outside the table, or with bits in the place of
    /// the type field: the fault <paramref name="vector"/>.
    /// </summary>
    public static bool TryFetchHigh(CpuState* cpu, ushort selector, byte vector, ulong address, out ulong high)
    {
        high = 0;
        if (!TryLocate(cpu, selector, 16, out _)) return GuestFault.Set(cpu, vector, GuestFault.ErrorCode(selector));
        if (!GuestAccess.ReadSystem(cpu, address + 8, out high)) return false;
        return new SystemDescriptor(0, high).IsUpperTypeZero || GuestFault.Set(cpu, vector, GuestFault.ErrorCode(selector));
    }

    /// <summary>Sets the accessed bit of a code or data segment, in memory and in <paramref name="descriptor"/>.</summary>
    public static bool TryMarkAccessed(CpuState* cpu, ulong address, ref SegmentDescriptor descriptor)
    {
        if ((descriptor.Raw & SegmentDescriptor.AccessedBit) != 0) return true;
        descriptor = new SegmentDescriptor(descriptor.Raw | SegmentDescriptor.AccessedBit);
        return GuestAccess.ChangeSystem(cpu, address + AccessByte, set: Accessed, clear: 0);
    }

    /// <summary>Sets or clears the busy bit of a TSS descriptor in memory.</summary>
    public static bool TrySetBusy(CpuState* cpu, ulong address, bool busy)
    {
        return GuestAccess.ChangeSystem(cpu, address + AccessByte, busy ? Busy : (byte)0, busy ? (byte)0 : Busy);
    }
}
