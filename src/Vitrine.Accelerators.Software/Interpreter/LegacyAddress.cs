using System.Runtime.CompilerServices;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary><see cref="AddressForm.Legacy"/>: 16- and 32-bit code, and 32-bit addresses in 64-bit code.</summary>
internal readonly unsafe struct LegacyAddress : IAddress
{
    // SAFETY: Base and Index are offsets of 64-bit fields of CpuState; Segment is below Seg.Count.

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool ForRead(CpuState* cpu, Op* op, int size, out ulong linear)
    {
        ulong offset = Offset(cpu, op);
        ref SegmentCache segment = ref cpu->Segments[op->Segment];
        linear = (uint)(segment.Base + offset);
        return offset + (ulong)size <= segment.ReadEnd || SegmentCheck.Slow(cpu, op->Segment, offset, size, write: false, out linear);
    }

    /// <summary>As <see cref="ForRead"/>, <paramref name="distance"/> bytes behind the operand's start, where the offset wraps as it does there.</summary>
    public static bool ForReadBehind(CpuState* cpu, Op* op, int distance, int size, out ulong linear)
    {
        ulong offset = Truncate(op, LongAddress.Offset(cpu, op) + (ulong)distance);
        ref SegmentCache segment = ref cpu->Segments[op->Segment];
        linear = (uint)(segment.Base + offset);
        return offset + (ulong)size <= segment.ReadEnd || SegmentCheck.Slow(cpu, op->Segment, offset, size, write: false, out linear);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool ForWrite(CpuState* cpu, Op* op, int size, out ulong linear)
    {
        ulong offset = Offset(cpu, op);
        ref SegmentCache segment = ref cpu->Segments[op->Segment];
        linear = (uint)(segment.Base + offset);
        return offset + (ulong)size <= segment.WriteEnd || SegmentCheck.Slow(cpu, op->Segment, offset, size, write: true, out linear);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Offset(CpuState* cpu, Op* op) => Truncate(op, LongAddress.Offset(cpu, op));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Truncate(Op* op, ulong offset)
    {
        if ((op->Traits & OpTraits.Address32) != 0) return (uint)offset;
        return (op->Traits & OpTraits.Address16) != 0 ? (ushort)offset : offset;
    }
}
