using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Interpreter.Sse;

/// <summary>A general register on one side of a vector instruction.</summary>
/// <typeparam name="T">uint or ulong; 32-bit results clear the upper half.</typeparam>
internal readonly unsafe struct GeneralRegister<T> : IVectorSource, IVectorDestination
    where T : unmanaged
{
    // SAFETY: binders put offsets of general registers into Dst and Src.

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
    public static bool Load(CpuState* cpu, Op* op, out Vector128<byte> value)
    {
        value = Vector128.CreateScalar(Width.ReadRegister<T>(cpu, op->Src)).AsByte();
        return true;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Current(CpuState* cpu, Op* op) => Vector128<byte>.Zero;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Store(CpuState* cpu, Op* op, Vector128<byte> value)
    {
        Width.WriteRegister<T>(cpu, op->Dst, value.AsUInt64().ToScalar());
        return true;
    }
}
