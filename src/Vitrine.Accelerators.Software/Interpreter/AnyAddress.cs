using System.Runtime.CompilerServices;
using Vitrine.Accelerators.Software.Cpu;

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

    /// <summary>
    /// The second part of an operand that processors read in two: it is checked alone, after the first is read, and its offset wraps as the address
    /// size says. The manual doesn't tell; a far pointer at the end of a segment of 64 KiB goes on at its start.
    /// </summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="op">The instruction.</param>
    /// <param name="distance">Bytes of the first part.</param>
    /// <param name="size">Bytes of the second part.</param>
    /// <param name="linear">Linear address of the second part.</param>
    /// <returns>False when a fault is recorded.</returns>
    public static bool ForReadBehind(CpuState* cpu, Op* op, int distance, int size, out ulong linear)
    {
        if (op->Form == AddressForm.Legacy) return LegacyAddress.ForReadBehind(cpu, op, distance, size, out linear);
        bool ok = LongAddress.ForRead(cpu, op, distance + size, out linear);
        linear += (ulong)distance;
        return ok;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool ForWrite(CpuState* cpu, Op* op, int size, out ulong linear) =>
        op->Form == AddressForm.Legacy
            ? LegacyAddress.ForWrite(cpu, op, size, out linear)
            : LongAddress.ForWrite(cpu, op, size, out linear);

    /// <inheritdoc/>
    public static ulong Offset(CpuState* cpu, Op* op) => LegacyAddress.Offset(cpu, op);
}
