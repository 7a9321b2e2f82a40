using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.FloatingPoint;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.Interpreter.X87;

/// <summary>binary32 or binary64 in memory.</summary>
/// <typeparam name="TFormat">The format.</typeparam>
/// <typeparam name="TBits">The unsigned integer of its size.</typeparam>
internal readonly unsafe struct FloatSource<TFormat, TBits> : IX87Source
    where TFormat : struct, ISseFormat
    where TBits : unmanaged
{
    // SAFETY: guest memory is reached through GuestAccess only.

    /// <inheritdoc/>
    public static bool Read(CpuState* cpu, Op* op, out Unpacked value)
    {
        bool ok = ReadBits(cpu, op, out ulong bits);
        value = Unpacked.From<TFormat>(bits, denormalsAreZero: false);
        return ok;
    }

    /// <summary>Reads the operand as it is.</summary>
    public static bool ReadBits(CpuState* cpu, Op* op, out ulong bits)
    {
        bits = 0;
        if (!AnyAddress.ForRead(cpu, op, sizeof(TBits), out ulong linear) || !GuestAccess.Read(cpu, op, linear, out TBits raw))
            return false;
        bits = Width.ToUInt64(raw);
        return true;
    }

    /// <inheritdoc/>
    public static bool IsEmpty(CpuState* cpu, Op* op) => false;
}
