using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>
/// Guest memory as instructions with LOCK see it (SDM vol. 3, 9.1.2 "Bus Locking"): the host's own interlocked operations on the guest's memory. They order all
/// other accesses as the guest's would (9.2.3.9), and exclude the processor's own updates of page tables and descriptors.
/// </summary>
/// <remarks>
/// <code>
/// if (!LockedAccess.Begin&lt;T&gt;(cpu, op, linear, &amp;operand)) return Faults.Raise(cpu, op);
/// T value = LockedAccess.Read&lt;T&gt;(&amp;operand);
/// do result = ...value...; while (!LockedAccess.TryReplace(&amp;operand, ref value, result));
/// if (!LockedAccess.End&lt;T&gt;(cpu, op, &amp;operand)) return Faults.Raise(cpu, op);
/// </code>
/// Between Begin and End nothing else may be translated, and nothing that the guest can see may change before End.
/// </remarks>
internal static unsafe class LockedAccess
{
    // SAFETY: operands point to guest memory that the TLB or SoftMmu vouches for, or to the copy in the caller's own LockedOperand.
    private const ulong CacheLine = 64;

    /// <summary>Begins: checks that the operand may be written, and finds it.</summary>
    /// <returns>False when a fault, a bus access or the wish to be alone is recorded.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Begin<T>(CpuState* cpu, Op* op, ulong linear, LockedOperand* operand)
        where T : unmanaged
    {
        void* pointer = GuestAccess.TryWritePointer<T>(cpu, linear);
        if (pointer == null || IsSplit(linear, sizeof(T))) return SoftMmu.Of(cpu).BeginLocked(op, linear, sizeof(T), operand);
        operand->Pointer = pointer;
        operand->Place = LockedPlace.Memory;
        return true;
    }

    /// <summary>The operand's value before it is changed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Read<T>(LockedOperand* operand)
        where T : unmanaged => Unsafe.ReadUnaligned<T>(operand->Pointer);

    /// <summary>Puts a value in the place of another.</summary>
    /// <param name="operand">The operand, of 1, 2, 4 or 8 bytes.</param>
    /// <param name="value">What it must hold; receives what it holds instead.</param>
    /// <param name="replacement">The new value.</param>
    /// <returns>False when it holds something else.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryReplace<T>(LockedOperand* operand, ref T value, ulong replacement)
        where T : unmanaged
    {
        ulong expected = Width.ToUInt64(value);
        ulong seen;
        if (sizeof(T) == 1) seen = Interlocked.CompareExchange(ref *(byte*)operand->Pointer, (byte)replacement, (byte)expected);
        else if (sizeof(T) == 2) seen = Interlocked.CompareExchange(ref *(ushort*)operand->Pointer, (ushort)replacement, (ushort)expected);
        else if (sizeof(T) == 4) seen = Interlocked.CompareExchange(ref *(uint*)operand->Pointer, (uint)replacement, (uint)expected);
        else seen = Interlocked.CompareExchange(ref *(ulong*)operand->Pointer, replacement, expected);
        value = Width.From<T>(seen);
        return seen == expected;
    }

    /// <summary>Ends: who must know of the write hears of it; a copy is written back.</summary>
    /// <returns>False when a bus access is recorded: the instruction runs again.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool End<T>(CpuState* cpu, Op* op, LockedOperand* operand)
        where T : unmanaged => operand->Place == LockedPlace.Memory || SoftMmu.Of(cpu).EndLocked(op, sizeof(T), operand);

    /// <summary>
    /// The host can't be asked for an interlocked operation on it: it lies on two lines of the cache (which costs an x86 host microseconds, or the process a signal
    /// where the kernel forbids it), or isn't aligned where the host demands that.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsSplit(ulong linear, int size) => X86Base.IsSupported
        ? (linear & (CacheLine - 1)) + (ulong)size > CacheLine
        : (linear & (ulong)(size - 1)) != 0;
}
