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

    /// <summary>
    /// An operand that processors read in two parts: each is checked alone, and the offset of the second wraps as the address size says. The manual
    /// doesn't tell; a far pointer at the end of a segment of 64 KiB goes on at its start.
    /// </summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="op">The instruction.</param>
    /// <param name="first">Bytes of the first part.</param>
    /// <param name="second">Bytes of the second part.</param>
    /// <param name="linear">Linear address of the first part.</param>
    /// <param name="next">That of the second.</param>
    /// <returns>False when a fault is recorded.</returns>
    public static bool ForReadInTwo(CpuState* cpu, Op* op, int first, int second, out ulong linear, out ulong next)
    {
        if (op->Form == AddressForm.Legacy)
        {
            next = 0;
            return LegacyAddress.ForRead(cpu, op, first, out linear) && LegacyAddress.ForRead(cpu, op, first, second, out next);
        }

        bool ok = LongAddress.ForRead(cpu, op, first + second, out linear);
        next = linear + (ulong)first;
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
