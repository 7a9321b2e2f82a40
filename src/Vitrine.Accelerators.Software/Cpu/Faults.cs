using System.Runtime.CompilerServices;
using Vitrine.X86.Exceptions;

namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>Ways for an operation to end other than by completing.</summary>
internal static unsafe class Faults
{
    // SAFETY: takes the running vCPU's state and the operation being executed.

    /// <summary>
    /// Ends the run of operations at this instruction, which has changed nothing: for a fault or a bus access that was
    /// recorded just before.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Op* Raise(CpuState* cpu, Op* op)
    {
        cpu->Rip = cpu->BlockRip + op->RipOffset;
        cpu->Instructions += op->Position - 1u;
        return null;
    }

    /// <summary>Raises a fault without error code at this instruction.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Op* Raise(CpuState* cpu, Op* op, byte vector)
    {
        cpu->SetFault(vector);
        return Raise(cpu, op);
    }

    /// <summary>Raises a fault with error code at this instruction.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Op* Raise(CpuState* cpu, Op* op, byte vector, uint errorCode)
    {
        cpu->SetFault(vector, errorCode);
        return Raise(cpu, op);
    }

    /// <summary>#UD.</summary>
    public static Op* InvalidOpcode(CpuState* cpu, Op* op) => Raise(cpu, op, ExceptionVector.UD);

    /// <summary>#GP(0).</summary>
    public static Op* GeneralProtection(CpuState* cpu, Op* op) => Raise(cpu, op, ExceptionVector.GP, 0);

    /// <summary>#NM.</summary>
    public static Op* DeviceNotAvailable(CpuState* cpu, Op* op) => Raise(cpu, op, ExceptionVector.NM);

    /// <summary>
    /// Completes this instruction and returns to the dispatcher behind it: after anything that decoded code may depend on
    /// has changed (modes, translations, interrupt flag).
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Op* CompleteAndLeave(CpuState* cpu, Op* op, LeaveReason reason = LeaveReason.NextBlock)
    {
        cpu->Rip = NextRip(cpu, op);
        cpu->Instructions += op->Position;
        cpu->Leave = reason;
        return null;
    }

    /// <summary>
    /// Completes a serializing instruction (SDM vol. 3, 9.3 "Serializing Instructions") that changes nothing decoded code depends on: other processors see
    /// all stores before it, and what they have done to code before that is seen behind it.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Op* Serialize(CpuState* cpu, Op* op)
    {
        Interlocked.MemoryBarrier();
        return Volatile.Read(ref cpu->PollAt) == 0 ? CompleteAndLeave(cpu, op) : op + 1;
    }

    /// <summary>As <see cref="CompleteAndLeave"/>, for a serializing instruction.</summary>
    public static Op* SerializeAndLeave(CpuState* cpu, Op* op)
    {
        Interlocked.MemoryBarrier();
        return CompleteAndLeave(cpu, op);
    }

    /// <summary>
    /// Completes this instruction, which has already set <see cref="CpuState.Rip"/> (far transfers, IRET, SYSCALL), and
    /// returns to the dispatcher.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Op* CompleteAt(CpuState* cpu, Op* op)
    {
        cpu->Instructions += op->Position;
        cpu->Leave = LeaveReason.NextBlock;
        return null;
    }

    /// <summary>The RIP behind this instruction, truncated as the code size demands.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong NextRip(CpuState* cpu, Op* op)
    {
        ulong rip = cpu->BlockRip + op->RipOffset + op->Length;
        return (cpu->Mode & ExecutionMode.Code64) != 0 ? rip : (uint)rip;
    }
}
