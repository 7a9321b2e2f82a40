using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.FloatingPoint;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.Interpreter.X87;

/// <summary>A signed integer in memory.</summary>
/// <typeparam name="TBits">The unsigned integer of its size.</typeparam>
internal readonly unsafe struct IntegerSource<TBits> : IX87Source
    where TBits : unmanaged
{
    // SAFETY: guest memory is reached through GuestAccess only.

    /// <inheritdoc/>
    public static bool Read(CpuState* cpu, Op* op, out Unpacked value)
    {
        value = default;
        if (!AnyAddress.ForRead(cpu, op, sizeof(TBits), out ulong linear) || !GuestAccess.Read(cpu, op, linear, out TBits raw))
            return false;
        value = Unpacked.From((long)Width.SignExtend<TBits>(Width.ToUInt64(raw)));
        return true;
    }

    /// <inheritdoc/>
    public static bool IsEmpty(CpuState* cpu, Op* op) => false;
}
