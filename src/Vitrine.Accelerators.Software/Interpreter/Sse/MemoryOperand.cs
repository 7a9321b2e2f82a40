using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Interpreter.Sse;

/// <summary>A memory operand of a vector instruction.</summary>
internal readonly unsafe struct MemoryOperand<TFormat, TAddress> : IVectorSource, IVectorDestination
    where TFormat : struct, IMemoryFormat
    where TAddress : struct, IAddress
{
    // SAFETY: see the format.

    /// <inheritdoc/>
    public static ExecutionMode Trap => ExecutionMode.None;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Ready(CpuState* cpu) => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Complete(CpuState* cpu)
    {
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Load(CpuState* cpu, Op* op, out Vector128<byte> value) => TFormat.Load<TAddress>(cpu, op, out value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Current(CpuState* cpu, Op* op) => Vector128<byte>.Zero;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Store(CpuState* cpu, Op* op, Vector128<byte> value) => TFormat.Store<TAddress>(cpu, op, value);
}
