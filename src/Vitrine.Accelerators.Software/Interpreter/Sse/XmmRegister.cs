using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Interpreter.Sse;

/// <summary>An XMM register.</summary>
internal readonly unsafe struct XmmRegister : IVectorSource, IVectorDestination
{
    // SAFETY: binders put offsets of XMM registers into Dst and Src.

    /// <inheritdoc/>
    public static ExecutionMode Trap => ExecutionMode.SseTrap;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Ready(CpuState* cpu) => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Complete(CpuState* cpu)
    {
    }

    /// <summary>The register at an offset of the state.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref Vector128<byte> At(CpuState* cpu, ushort offset) => ref *(Vector128<byte>*)((byte*)cpu + offset);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Load(CpuState* cpu, Op* op, out Vector128<byte> value)
    {
        value = At(cpu, op->Src);
        return true;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Current(CpuState* cpu, Op* op) => At(cpu, op->Dst);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Store(CpuState* cpu, Op* op, Vector128<byte> value)
    {
        At(cpu, op->Dst) = value;
        return true;
    }
}
