using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Sse;
using Vitrine.Accelerators.Software.Interpreter.X87;

namespace Vitrine.Accelerators.Software.Interpreter.Mmx;

/// <summary>
/// An MMX register: the significand of the physical x87 register of the same number. An instruction that uses one makes
/// all x87 registers valid and TOP 0; one that writes one sets its sign and exponent to all ones (SDM vol. 1, 9.5).
/// </summary>
internal readonly unsafe struct MmxRegister : IVectorSource, IVectorDestination
{
    // SAFETY: binders put offsets of MMX registers into Dst and Src; sign and exponent are 8 bytes behind.
    private const ulong AllOnesExponent = 0xFFFF;

    /// <inheritdoc/>
    public static ExecutionMode Trap => ExecutionMode.FpuTrap;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Ready(CpuState* cpu) => X87Status.Ready(cpu);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Complete(CpuState* cpu)
    {
        cpu->FpuTop = 0;
        cpu->FpuTag = 0xFF;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Load(CpuState* cpu, Op* op, out Vector128<byte> value)
    {
        value = Read(cpu, op->Src);
        return true;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Current(CpuState* cpu, Op* op) => Read(cpu, op->Dst);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Store(CpuState* cpu, Op* op, Vector128<byte> value)
    {
        ulong* register = (ulong*)((byte*)cpu + op->Dst);
        register[0] = value.AsUInt64().ToScalar();
        register[1] = AllOnesExponent;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Read(CpuState* cpu, ushort offset) =>
        Vector128.CreateScalar(*(ulong*)((byte*)cpu + offset)).AsByte();
}
