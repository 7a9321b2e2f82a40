using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Mmu;

/// <content>Operands of instructions with LOCK that the TLB has no answer for; see <see cref="LockedAccess"/>.</content>
internal sealed unsafe partial class SoftMmu
{
    // SAFETY: as in the part for accesses; an operand's copy lies in the operand, which is the handler's.
    /// <summary>As <see cref="LockedAccess.Begin"/>, for an operand that is split, or whose page the TLB doesn't let the vCPU write to.</summary>
    public bool BeginLocked(Op* op, ulong linear, int size, LockedOperand* operand)
    {
        operand->Linear = linear;
        if (!ProbeWrite(op, linear, size)) return false;

        // A trial run has the machine for itself, and changes nothing.
        if (_trial != null) return TakeCopy(op, linear, size, operand);
        if (LockedAccess.IsSplit(linear, size)) return _presence.IsAlone ? TakeCopy(op, linear, size, operand) : WishToBeAlone(_cpu);
        if (!Translate(op, Wrap(linear), PresentAccess() | PageAccess.Write, _cpu->Tlb, out ulong gpa)) return false;
        byte* host = _memory.HostFor(gpa, size, out SlotView? slot);
        if (host == null || slot!.ReadOnly) return TakeCopy(op, linear, size, operand);
        _guard.BeginWrite(host, size);
        operand->Pointer = host;
        operand->Gpa = gpa;
        operand->Place = LockedPlace.WatchedMemory;
        return true;
    }

    /// <summary>As <see cref="LockedAccess.End"/>, except where the TLB had an answer.</summary>
    public bool EndLocked(Op* op, int size, LockedOperand* operand)
    {
        if (operand->Place == LockedPlace.Copy) return Write(op, operand->Linear, (byte*)operand->Pointer, size);
        byte* host = _memory.HostFor(operand->Gpa, size, out SlotView? slot);
        slot!.MarkDirty(operand->Gpa);
        _translator.OnWrite(operand->Gpa, size);
        _guard.EndWrite();
        OpenForWrites(Wrap(operand->Linear), operand->Gpa, host);
        return true;
    }

    /// <summary>Sets and clears bits of a byte for the processor itself, as one operation. Where no memory takes it, it is lost.</summary>
    /// <returns>False when a fault is recorded.</returns>
    public bool ChangeAsSupervisor(ulong linear, byte set, byte clear)
    {
        linear = Wrap(linear);
        if (!Translate(null, linear, PageAccess.Write, _tlb.Table(Tlb.SupervisorTable), out ulong gpa)) return false;
        byte* host = _memory.HostFor(gpa, 1, out SlotView? slot);
        if (host == null || slot!.ReadOnly) return true;
        _guard.BeginWrite(host, 1);
        byte seen = *host;
        byte present;
        do present = seen;
        while ((seen = Interlocked.CompareExchange(ref *host, (byte)((present & ~clear) | set), present)) != present);
        slot.MarkDirty(gpa);
        _translator.OnWrite(gpa, 1);
        _guard.EndWrite();
        return true;
    }

    /// <summary>The instruction can only run while no other vCPU does: the dispatcher sees to it, and runs it again.</summary>
    /// <returns>False, for the handler to end with <c>Faults.Raise</c>.</returns>
    public static bool WishToBeAlone(CpuState* cpu)
    {
        cpu->Leave = LeaveReason.Alone;
        return false;
    }

    private bool TakeCopy(Op* op, ulong linear, int size, LockedOperand* operand)
    {
        operand->Pointer = &operand->Copy;
        operand->Place = LockedPlace.Copy;
        return Read(op, linear, (byte*)operand->Pointer, size);
    }
}
