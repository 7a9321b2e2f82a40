using System.Runtime.CompilerServices;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.Exceptions;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>
/// The stack as PUSH, POP, CALL, RET and their kin use it: RSP in 64-bit mode, else ESP or SP by SS.B, with the base and
/// limit of SS. These methods never change the stack pointer; the handler commits it with <see cref="SetPointer"/>.
/// </summary>
internal static unsafe class Stack
{
    // SAFETY: takes the running vCPU's state.

    /// <summary>The stack pointer, truncated to its width.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Pointer(CpuState* cpu)
    {
        ulong rsp = cpu->Gpr[Gpr.Rsp];
        if ((cpu->Mode & ExecutionMode.Code64) != 0) return rsp;
        return (cpu->Mode & ExecutionMode.Stack32) != 0 ? (uint)rsp : (ushort)rsp;
    }

    /// <summary>Sets the stack pointer: SP leaves the upper bits of RSP alone.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetPointer(CpuState* cpu, ulong value)
    {
        if ((cpu->Mode & ExecutionMode.Code64) != 0) cpu->Gpr[Gpr.Rsp] = value;
        else if ((cpu->Mode & ExecutionMode.Stack32) != 0) cpu->Gpr[Gpr.Rsp] = (uint)value;
        else *(ushort*)&cpu->Gpr[Gpr.Rsp] = (ushort)value;
    }

    /// <summary>What RSP is once the stack pointer is <paramref name="value"/>.</summary>
    public static ulong Register(CpuState* cpu, ulong value)
    {
        bool is16 = (cpu->Mode & (ExecutionMode.Code64 | ExecutionMode.Stack32)) == 0;
        return is16 ? (cpu->Gpr[Gpr.Rsp] & ~0xFFFFUL) | (ushort)value : value;
    }

    /// <summary>Reads at a stack offset.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Read<T>(CpuState* cpu, Op* op, ulong offset, out T value)
        where T : unmanaged
    {
        if ((cpu->Mode & ExecutionMode.Code64) != 0)
        {
            return GuestAccess.Read(cpu, op, offset, out value) || IsStackFault(cpu);
        }

        return ReadLegacy(cpu, op, offset, out value);
    }

    /// <summary>Writes at a stack offset.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Write<T>(CpuState* cpu, Op* op, ulong offset, T value)
        where T : unmanaged
    {
        if ((cpu->Mode & ExecutionMode.Code64) != 0)
        {
            return GuestAccess.Write(cpu, op, offset, value) || IsStackFault(cpu);
        }

        return WriteLegacy(cpu, op, offset, value);
    }

    /// <summary>Pushes: writes below the stack pointer and moves it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Push<T>(CpuState* cpu, Op* op, T value)
        where T : unmanaged
    {
        ulong offset = Below(cpu, Pointer(cpu), (uint)sizeof(T));
        if (!Write(cpu, op, offset, value)) return false;
        SetPointer(cpu, offset);
        return true;
    }

    /// <summary>A stack offset moved down, wrapped to the stack pointer's width.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Below(CpuState* cpu, ulong offset, uint bytes)
    {
        ulong below = offset - bytes;
        if ((cpu->Mode & ExecutionMode.Code64) != 0) return below;
        return (cpu->Mode & ExecutionMode.Stack32) != 0 ? (uint)below : (ushort)below;
    }

    /// <summary>Checks that a write at a stack offset won't fault.</summary>
    public static bool ProbeWrite(CpuState* cpu, Op* op, ulong offset, int size)
    {
        ulong linear = offset;
        if ((cpu->Mode & ExecutionMode.Code64) == 0 && !Legacy(cpu, offset, size, write: true, out linear)) return false;
        return GuestAccess.ProbeWrite(cpu, op, linear, size) || IsStackFault(cpu);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool ReadLegacy<T>(CpuState* cpu, Op* op, ulong offset, out T value)
        where T : unmanaged
    {
        value = default;
        return Legacy(cpu, offset, sizeof(T), write: false, out ulong linear) && GuestAccess.Read(cpu, op, linear, out value);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool WriteLegacy<T>(CpuState* cpu, Op* op, ulong offset, T value)
        where T : unmanaged =>
        Legacy(cpu, offset, sizeof(T), write: true, out ulong linear) && GuestAccess.Write(cpu, op, linear, value);

    private static bool Legacy(CpuState* cpu, ulong offset, int size, bool write, out ulong linear)
    {
        ref SegmentCache segment = ref cpu->Segments[Seg.Ss];
        linear = (uint)(segment.Base + offset);
        ulong end = write ? segment.WriteEnd : segment.ReadEnd;
        return offset + (ulong)size <= end || SegmentCheck.Slow(cpu, Seg.Ss, offset, size, write, out linear);
    }

    /// <summary>A stack address that isn't canonical is #SS, not #GP. Always false.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool IsStackFault(CpuState* cpu)
    {
        if (cpu->Leave == LeaveReason.Fault && cpu->FaultVector == ExceptionVector.GP) cpu->FaultVector = ExceptionVector.SS;
        return false;
    }
}
