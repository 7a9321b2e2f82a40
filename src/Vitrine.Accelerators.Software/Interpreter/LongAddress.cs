using System.Runtime.CompilerServices;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary><see cref="AddressForm.Long"/>: 64-bit address size with index, or FS or GS base.</summary>
internal readonly unsafe struct LongAddress : IAddress
{
    // SAFETY: Base, Index and SegmentBase are offsets of 64-bit fields of CpuState, set by the block builder.

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool ForRead(CpuState* cpu, Op* op, int size, out ulong linear)
    {
        linear = Offset(cpu, op) + *(ulong*)((byte*)cpu + op->SegmentBase);
        return true;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool ForWrite(CpuState* cpu, Op* op, int size, out ulong linear) => ForRead(cpu, op, size, out linear);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Offset(CpuState* cpu, Op* op) =>
        *(ulong*)((byte*)cpu + op->Base) + (*(ulong*)((byte*)cpu + op->Index) << op->Scale) + (ulong)op->Disp;
}
