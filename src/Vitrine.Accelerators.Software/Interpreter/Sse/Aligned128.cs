using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.X86.Exceptions;

namespace Vitrine.Accelerators.Software.Interpreter.Sse;

/// <summary>16 bytes that must be aligned, else #GP(0).</summary>
internal readonly unsafe struct Aligned128 : IMemoryFormat
{
    // SAFETY: guest memory is reached through GuestAccess only.
    private const int Size = 16;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Load<TAddress>(CpuState* cpu, Op* op, out Vector128<byte> value)
        where TAddress : struct, IAddress
    {
        if (TAddress.ForRead(cpu, op, Size, out ulong linear) && IsAligned(cpu, linear))
        {
            return GuestAccess.Read(cpu, op, linear, out value);
        }

        value = default;
        return false;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Store<TAddress>(CpuState* cpu, Op* op, Vector128<byte> value)
        where TAddress : struct, IAddress =>
        TAddress.ForWrite(cpu, op, Size, out ulong linear) && IsAligned(cpu, linear) && GuestAccess.Write(cpu, op, linear, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsAligned(CpuState* cpu, ulong linear)
    {
        if ((linear & (Size - 1)) == 0) return true;
        cpu->SetFault(ExceptionVector.GP, 0);
        return false;
    }
}
