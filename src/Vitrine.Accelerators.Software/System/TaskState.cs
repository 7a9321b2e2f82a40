using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.Descriptors;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.System;

/// <summary>The fields of the present TSS that are read while a task runs (SDM vol. 3, 8.2.1 and 8.7).</summary>
internal static unsafe class TaskState
{
    // SAFETY: takes the running vCPU's state; guest memory is reached through GuestAccess only.
    private const uint IoMapBaseOffset = 102;
    private const uint RedirectionBytes = 32;

    /// <summary>Reads the stack of a privilege level outside IA-32e mode. Beyond the TSS's limit: #TS(TR).</summary>
    public static bool TryReadStack(CpuState* cpu, uint level, uint external, out ushort selector, out uint pointer)
    {
        ref SegmentCache tss = ref cpu->Segments[Seg.Tr];
        bool is32 = (tss.Access & 8) != 0;
        uint offset = is32 ? (level * 8) + 4 : (level * 4) + 2;
        uint last = offset + (is32 ? 5u : 3u);
        selector = 0;
        pointer = 0;
        if (last > tss.Limit) return GuestFault.InvalidTss(cpu, GuestFault.ErrorCode((ushort)tss.Selector, external));
        if (is32)
        {
            return GuestAccess.ReadSystem(cpu, tss.Base + offset, out pointer)
                && GuestAccess.ReadSystem(cpu, tss.Base + offset + 4, out selector);
        }

        bool ok = GuestAccess.ReadSystem(cpu, tss.Base + offset, out ushort pointer16)
            && GuestAccess.ReadSystem(cpu, tss.Base + offset + 2, out selector);
        pointer = pointer16;
        return ok;
    }

    /// <summary>Reads RSP of a privilege level, or of an interrupt-stack-table entry, from the 64-bit TSS.</summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="level">New privilege level, when <paramref name="ist"/> is 0.</param>
    /// <param name="ist">Entry 1 to 7, or 0.</param>
    /// <param name="external">The error code's EXT bit.</param>
    /// <param name="pointer">The new RSP.</param>
    public static bool TryReadStack64(CpuState* cpu, uint level, uint ist, uint external, out ulong pointer)
    {
        ref SegmentCache tss = ref cpu->Segments[Seg.Tr];
        uint offset = ist != 0 ? (ist * 8) + 28 : (level * 8) + 4;
        pointer = 0;
        if (offset + 7 > tss.Limit) return GuestFault.InvalidTss(cpu, GuestFault.ErrorCode((ushort)tss.Selector, external));
        return GuestAccess.ReadSystem(cpu, tss.Base + offset, out pointer);
    }

    /// <summary>
    /// Decides whether the I/O permission bitmap allows a port access (SDM vol. 1, 19.5.2). #GP(0) when it doesn't.
    /// </summary>
    public static bool TryCheckPort(CpuState* cpu, ushort port, int size)
    {
        if (!TryReadIoMapBase(cpu, out uint mapBase)) return false;
        uint offset = mapBase + (port / 8u);

        // Two bytes are read always, so the map ends with a byte of ones (SDM vol. 1, 19.5.2).
        if (offset + 1 > cpu->Segments[Seg.Tr].Limit) return GuestFault.GeneralProtection(cpu, 0);
        if (!GuestAccess.ReadSystem(cpu, cpu->Segments[Seg.Tr].Base + offset, out ushort bits)) return false;
        uint mask = ((1u << size) - 1) << (port & 7);
        return (bits & mask) == 0 || GuestFault.GeneralProtection(cpu, 0);
    }

    /// <summary>
    /// Reads whether INT <paramref name="vector"/> in virtual-8086 mode goes to the 8086 program's own handler: its bit in
    /// the interrupt redirection bitmap is 0 (SDM vol. 3, 21.3.3).
    /// </summary>
    public static bool TryReadRedirection(CpuState* cpu, byte vector, out bool toProgram)
    {
        toProgram = false;
        if (!TryReadIoMapBase(cpu, out uint mapBase)) return false;
        uint offset = mapBase - RedirectionBytes + (vector / 8u);
        if (mapBase < RedirectionBytes || offset > cpu->Segments[Seg.Tr].Limit) return GuestFault.GeneralProtection(cpu, 0);
        if (!GuestAccess.ReadSystem(cpu, cpu->Segments[Seg.Tr].Base + offset, out byte bits)) return false;
        toProgram = (bits & (1 << (vector & 7))) == 0;
        return true;
    }

    private static bool TryReadIoMapBase(CpuState* cpu, out uint mapBase)
    {
        ref SegmentCache tss = ref cpu->Segments[Seg.Tr];
        mapBase = 0;
        bool has = (tss.Access & SegmentRegister.UnusableBit) == 0
            && (tss.Access & 0xD) == DescriptorType.TssAvailable
            && tss.Limit >= IoMapBaseOffset + 1;
        if (!has) return GuestFault.GeneralProtection(cpu, 0);
        if (!GuestAccess.ReadSystem(cpu, tss.Base + IoMapBaseOffset, out ushort value)) return false;
        mapBase = value;
        return true;
    }
}
