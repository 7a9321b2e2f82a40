using System.Runtime.CompilerServices;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary><see cref="AddressForm.BaseDisplacement"/>: the commonest form in 64-bit code.</summary>
internal readonly unsafe struct BaseDisplacementAddress : IAddress
{
    // SAFETY: Base is an offset of a 64-bit field of CpuState, set by the block builder.

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool ForRead(CpuState* cpu, Op* op, int size, out ulong linear)
    {
        linear = Offset(cpu, op);
        return true;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool ForWrite(CpuState* cpu, Op* op, int size, out ulong linear)
    {
        linear = Offset(cpu, op);
        return true;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Offset(CpuState* cpu, Op* op) => *(ulong*)((byte*)cpu + op->Base) + (ulong)op->Disp;
}
