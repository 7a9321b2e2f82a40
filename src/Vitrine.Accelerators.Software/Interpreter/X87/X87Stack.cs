using System.Runtime.CompilerServices;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.FloatingPoint;

namespace Vitrine.Accelerators.Software.Interpreter.X87;

/// <summary>The register stack: ST(i) is physical register (TOP + i) mod 8, 16 bytes each in <see cref="CpuState.X87"/>.</summary>
internal static unsafe class X87Stack
{
    // SAFETY: register numbers are reduced modulo 8, so that they stay inside CpuState.X87.

    /// <summary>The value in ST(<paramref name="i"/>), whether or not it is empty.</summary>
    public static Float80 Read(CpuState* cpu, int i)
    {
        ulong* slot = Slot(cpu, i);
        return new(slot[0], (ushort)slot[1]);
    }

    /// <summary>Writes ST(<paramref name="i"/>) and marks it used.</summary>
    public static void Write(CpuState* cpu, int i, Float80 value)
    {
        ulong* slot = Slot(cpu, i);
        slot[0] = value.Significand;
        slot[1] = value.SignExponent;
        cpu->FpuTag |= (byte)(1 << Physical(cpu, i));
    }

    /// <summary>True when ST(<paramref name="i"/>) is empty.</summary>
    public static bool IsEmpty(CpuState* cpu, int i) => ((cpu->FpuTag >> Physical(cpu, i)) & 1) == 0;

    /// <summary>Marks ST(<paramref name="i"/>) empty.</summary>
    public static void Free(CpuState* cpu, int i) => cpu->FpuTag &= (byte)~(1 << Physical(cpu, i));

    /// <summary>Frees ST(0) and makes the next register the top.</summary>
    public static void Pop(CpuState* cpu)
    {
        Free(cpu, 0);
        cpu->FpuTop = (byte)((cpu->FpuTop + 1) & 7);
    }

    /// <summary>Makes the register below the top the new top and writes it.</summary>
    public static void Push(CpuState* cpu, Float80 value)
    {
        cpu->FpuTop = (byte)((cpu->FpuTop - 1) & 7);
        Write(cpu, 0, value);
    }

    /// <summary>True when a push would overwrite a register in use.</summary>
    public static bool IsFull(CpuState* cpu) => !IsEmpty(cpu, 7);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Physical(CpuState* cpu, int i) => (cpu->FpuTop + i) & 7;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong* Slot(CpuState* cpu, int i) => cpu->X87 + (Physical(cpu, i) * 2);
}
