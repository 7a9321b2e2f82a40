using System.Runtime.CompilerServices;
using Vitrine.Accelerators.Software.Cpu;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Vitrine.Accelerators.Software.Interpreter.Sse.StateSave;

/// <summary>The AVX component of an XSAVE area: the upper halves of YMM0 to YMM15 (YMM7 outside 64-bit mode), 16 bytes each (SDM vol. 1, 13.5.3).</summary>
internal static unsafe class AvxArea
{
    // SAFETY: callers give buffers of 16 bytes for each register; the rest is the vCPU's own state.

    /// <summary>Writes the first <paramref name="count"/> halves.</summary>
    public static void Save(CpuState* cpu, byte* area, int count)
    {
        for (int i = 0; i < count; i++) Unsafe.WriteUnaligned(area + (16 * i), Half(cpu, i));
    }

    /// <summary>Reads the first <paramref name="count"/> halves.</summary>
    public static void Restore(CpuState* cpu, byte* area, int count)
    {
        for (int i = 0; i < count; i++) Half(cpu, i) = Unsafe.ReadUnaligned<V>(area + (16 * i));
    }

    /// <summary>Clears the first <paramref name="count"/> halves.</summary>
    public static void Initialize(CpuState* cpu, int count)
    {
        for (int i = 0; i < count; i++) Half(cpu, i) = V.Zero;
    }

    /// <summary>True when all halves are zero.</summary>
    public static bool IsInitial(CpuState* cpu)
    {
        V all = V.Zero;
        for (int i = 0; i < 16; i++) all |= Half(cpu, i);
        return all == V.Zero;
    }

    private static ref V Half(CpuState* cpu, int number) => ref XmmRegister.At(cpu, (ushort)(CpuState.XmmOffset(number) + sizeof(V)));
}
