using System.Runtime.CompilerServices;
using Vitrine.Accelerators.Software.Decode;
using Vitrine.Accelerators.Software.State;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>Decides the form at run time: for instructions that are not worth three specialisations.</summary>
internal readonly unsafe struct AnyAddress : IAddress
{
    // SAFETY: as for the forms it chooses from.

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool ForRead(CpuState* cpu, Op* op, int size, out ulong linear) =>
        op->Form == AddressForm.Legacy
            ? LegacyAddress.ForRead(cpu, op, size, out linear)
            : LongAddress.ForRead(cpu, op, size, out linear);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool ForWrite(CpuState* cpu, Op* op, int size, out ulong linear) =>
        op->Form == AddressForm.Legacy
            ? LegacyAddress.ForWrite(cpu, op, size, out linear)
            : LongAddress.ForWrite(cpu, op, size, out linear);

    /// <inheritdoc/>
    public static ulong Offset(CpuState* cpu, Op* op) => LegacyAddress.Offset(cpu, op);
}
