using Vitrine.Accelerators.Parts;
using Vitrine.Accelerators.Software.Apic;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>
/// Accesses that leave the accelerator: ports, and guest-physical addresses outside every slot. Each becomes a
/// <see cref="VmExit"/>; when the run loop has answered it, the instruction runs again and finds the answer in the
/// <see cref="ReplayLog"/>. The local APIC's page is answered at once.
/// </summary>
/// <param name="cpu">The vCPU's state.</param>
/// <param name="exit">The exit that accesses leave with.</param>
/// <param name="localApic">The vCPU's local APIC.</param>
/// <param name="behavior">Whether the local APIC is here, and whether an OUT to port 0x7E is skipped.</param>
internal sealed unsafe class Bus(CpuState* cpu, VcpuExit exit, LocalApic localApic, VmBehavior behavior)
{
    // SAFETY: data pointers are the callers' buffers of at least the given size.
    private const ulong ApicPageMask = Page.AddressMask;

    /// <summary>Guest-physical page of the local APIC's registers; ulong.MaxValue when they are not mapped (disabled or x2APIC).</summary>
    public ulong LocalApicPage { get; private set; } = behavior.LocalApicAtClient ? ulong.MaxValue : localApic.PageAddress;

    /// <summary>The local APIC has been enabled, disabled or moved.</summary>
    public void FollowLocalApic() =>
        LocalApicPage = localApic.IsMmioEnabled && !behavior.LocalApicAtClient ? localApic.PageAddress : ulong.MaxValue;

    /// <summary>IN and INS: reads a port.</summary>
    /// <returns>False when the access has left as an exit.</returns>
    public bool PortRead(CpuState* state, Op* op, ushort port, int size, out uint value)
    {
        DebugEvents.NotePort(cpu, port, size);
        if (TryReplay(op, out ulong data))
        {
            value = size == 4 ? (uint)data : (uint)data & ((1u << (size * 8)) - 1);
            return true;
        }

        value = 0;
        exit.ForPort(port, size, isWrite: false, 0);
        return false;
    }

    /// <summary>OUT and OUTS: writes a port.</summary>
    /// <returns>False when the access has left as an exit.</returns>
    public bool PortWrite(CpuState* state, Op* op, ushort port, int size, uint value)
    {
        DebugEvents.NotePort(cpu, port, size);
        if (TryReplay(op, out _)) return true;
        exit.ForPort(port, size, isWrite: true, value);
        return false;
    }

    /// <summary>INT3, which a debugger outside the guest takes.</summary>
    /// <param name="linear">Its linear address.</param>
    public void LeaveForBreakpoint(ulong linear) => exit.ForDebug(ExceptionVector.BP, linear, 0, 0);

    /// <summary>RDMSR and WRMSR of what the client answers.</summary>
    /// <param name="op">The instruction.</param>
    /// <param name="index">The register.</param>
    /// <param name="isWrite">WRMSR.</param>
    /// <param name="value">What is written; what was read.</param>
    /// <param name="reason">Why the client has to answer.</param>
    /// <param name="failed">The client wants #GP(0).</param>
    /// <returns>False when the access has left as an exit.</returns>
    public bool AccessMsr(Op* op, uint index, bool isWrite, ref ulong value, MsrExitReasons reason, out bool failed)
    {
        // It is the only access of its instruction: the exit is still that of the access.
        failed = exit.Value.Failed;
        if (TryReplay(op, out ulong data))
        {
            if (!isWrite) value = data;
            return true;
        }

        exit.ForMsr(index, isWrite, value, reason);
        return false;
    }

    /// <summary>Reads device memory; the range lies within one page.</summary>
    public bool MemoryRead(Op* op, ulong gpa, byte* destination, int size)
    {
        while (size > 0)
        {
            int part = Part(gpa, size);
            ulong data;
            if (IsLocalApic(gpa))
            {
                data = localApic.Read((uint)gpa & 0xFFF);
            }
            else if (op == null)
            {
                data = ulong.MaxValue;
            }
            else if (!TryReplay(op, out data))
            {
                exit.ForMemory(gpa, part, isWrite: false, 0);
                return false;
            }

            Buffer.MemoryCopy(&data, destination, part, part);
            gpa += (ulong)part;
            destination += part;
            size -= part;
        }

        return true;
    }

    /// <summary>Writes device memory, or a read-only slot; the range lies within one page.</summary>
    public bool MemoryWrite(Op* op, ulong gpa, byte* source, int size)
    {
        while (size > 0)
        {
            int part = Part(gpa, size);
            ulong data = 0;
            Buffer.MemoryCopy(source, &data, part, part);
            if (IsLocalApic(gpa))
            {
                localApic.Write((uint)gpa & 0xFFF, (uint)data);
                Volatile.Write(ref cpu->PollAt, 0);
            }
            else if (op != null && !TryReplay(op, out _))
            {
                exit.ForMemory(gpa, part, isWrite: true, data);
                return false;
            }

            gpa += (ulong)part;
            source += part;
            size -= part;
        }

        return true;
    }

    private static int Part(ulong gpa, int size)
    {
        int part = Math.Min(size, 8);
        while ((part & (part - 1)) != 0) part &= part - 1;
        while ((gpa & (ulong)(part - 1)) != 0) part >>= 1;
        return part;
    }

    private bool IsLocalApic(ulong gpa) => (gpa & ApicPageMask) == LocalApicPage;

    private bool TryReplay(Op* op, out ulong data)
    {
        ref ReplayLog log = ref cpu->Replay;
        ulong instruction = cpu->Instructions + op->Position;
        if (log.Instruction != instruction)
        {
            log.Instruction = instruction;
            log.Count = 0;
            log.Cursor = 0;
        }

        if (log.Cursor < log.Count)
        {
            data = log.Data[log.Cursor++];
            return true;
        }

        data = 0;
        return false;
    }
}
