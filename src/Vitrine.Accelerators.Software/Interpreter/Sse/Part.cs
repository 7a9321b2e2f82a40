using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.Interpreter.Sse;

/// <summary>1, 2, 4, 8 or 16 bytes at any alignment.</summary>
/// <typeparam name="T">An unsigned integer, or <see cref="Vector128{Byte}"/>.</typeparam>
internal readonly unsafe struct Part<T> : IMemoryFormat
    where T : unmanaged
{
    // SAFETY: guest memory is reached through GuestAccess only.

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Load<TAddress>(CpuState* cpu, Op* op, out Vector128<byte> value)
        where TAddress : struct, IAddress
    {
        if (!TAddress.ForRead(cpu, op, sizeof(T), out ulong linear) || !GuestAccess.Read(cpu, op, linear, out T part))
        {
            value = default;
            return false;
        }

        value = sizeof(T) == 16
            ? Unsafe.BitCast<T, Vector128<byte>>(part)
            : Vector128.CreateScalar(Width.ToUInt64(part)).AsByte();
        return true;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Store<TAddress>(CpuState* cpu, Op* op, Vector128<byte> value)
        where TAddress : struct, IAddress =>
        TAddress.ForWrite(cpu, op, sizeof(T), out ulong linear) && GuestAccess.Write(cpu, op, linear, LowEnd(value));

    /// <summary>The low end of a vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T LowEnd(Vector128<byte> value) =>
        sizeof(T) == 16 ? Unsafe.BitCast<Vector128<byte>, T>(value) : Width.From<T>(value.AsUInt64().ToScalar());
}
