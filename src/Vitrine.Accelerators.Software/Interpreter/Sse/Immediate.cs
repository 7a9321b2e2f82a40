using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Interpreter.Sse;

/// <summary>An immediate byte as the source: shift counts.</summary>
internal readonly unsafe struct Immediate : IVectorSource
{
    // SAFETY: reads the operation only.

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
        value = Vector128.CreateScalar((ulong)(byte)op->Imm).AsByte();
        return true;
    }
}
