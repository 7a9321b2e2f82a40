using System.Runtime.CompilerServices;

namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>
/// Operand widths as type parameters: byte, ushort, uint, ulong. Every branch on the size is folded when a handler is
/// compiled, so one text serves four widths.
/// </summary>
internal static unsafe class Width
{
    // SAFETY: registers are addressed by offsets that binders compute from the layout of CpuState.

    /// <summary>Bits in an operand.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Bits<T>()
        where T : unmanaged => sizeof(T) * 8;

    /// <summary>The value with the bits above the operand cleared.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Truncate<T>(ulong value)
        where T : unmanaged
    {
        if (sizeof(T) == 1) return (byte)value;
        if (sizeof(T) == 2) return (ushort)value;
        if (sizeof(T) == 4) return (uint)value;
        return value;
    }

    /// <summary>The value with the operand's sign bit copied upwards.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong SignExtend<T>(ulong value)
        where T : unmanaged
    {
        if (sizeof(T) == 1) return (ulong)(sbyte)value;
        if (sizeof(T) == 2) return (ulong)(short)value;
        if (sizeof(T) == 4) return (ulong)(int)value;
        return value;
    }

    /// <summary>True when the operand's sign bit is set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsNegative<T>(ulong value)
        where T : unmanaged => (long)SignExtend<T>(value) < 0;

    /// <summary>Zero-extends.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong ToUInt64<T>(T value)
        where T : unmanaged
    {
        if (sizeof(T) == 1) return Unsafe.BitCast<T, byte>(value);
        if (sizeof(T) == 2) return Unsafe.BitCast<T, ushort>(value);
        if (sizeof(T) == 4) return Unsafe.BitCast<T, uint>(value);
        return Unsafe.BitCast<T, ulong>(value);
    }

    /// <summary>Truncates.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T From<T>(ulong value)
        where T : unmanaged
    {
        if (sizeof(T) == 1) return Unsafe.BitCast<byte, T>((byte)value);
        if (sizeof(T) == 2) return Unsafe.BitCast<ushort, T>((ushort)value);
        if (sizeof(T) == 4) return Unsafe.BitCast<uint, T>((uint)value);
        return Unsafe.BitCast<ulong, T>(value);
    }

    /// <summary>Reads a register by its offset, zero-extended.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong ReadRegister<T>(CpuState* cpu, ushort offset)
        where T : unmanaged => ToUInt64(*(T*)((byte*)cpu + offset));

    /// <summary>Writes a register by its offset: 32-bit results clear the upper half, narrower ones leave it (SDM vol. 1, 3.4.1.1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WriteRegister<T>(CpuState* cpu, ushort offset, ulong value)
        where T : unmanaged
    {
        if (sizeof(T) == 4) *(ulong*)((byte*)cpu + offset) = (uint)value;
        else *(T*)((byte*)cpu + offset) = From<T>(value);
    }
}
