using System.Runtime.CompilerServices;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Interpreter.Integer;

// SAFETY: every operation reads at most the flags of the running vCPU's state.

/// <summary>ADD.</summary>
internal readonly unsafe struct Add : IBinaryOperation
{
    public static bool Writes => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<T>(CpuState* cpu, ulong a, ulong b, out uint aux)
        where T : unmanaged
    {
        ulong r = a + b;
        aux = Flags.AuxFromCarries<T>((a & b) | ((a | b) & ~r));
        return r;
    }
}

/// <summary>ADC.</summary>
internal readonly unsafe struct Adc : IBinaryOperation
{
    public static bool Writes => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<T>(CpuState* cpu, ulong a, ulong b, out uint aux)
        where T : unmanaged
    {
        ulong r = a + b + Flags.CarryBit(cpu);
        aux = Flags.AuxFromCarries<T>((a & b) | ((a | b) & ~r));
        return r;
    }
}

/// <summary>SUB.</summary>
internal readonly unsafe struct Sub : IBinaryOperation
{
    public static bool Writes => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<T>(CpuState* cpu, ulong a, ulong b, out uint aux)
        where T : unmanaged
    {
        ulong r = a - b;
        aux = Flags.AuxFromCarries<T>((~a & b) | (~(a ^ b) & r));
        return r;
    }
}

/// <summary>SBB.</summary>
internal readonly unsafe struct Sbb : IBinaryOperation
{
    public static bool Writes => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<T>(CpuState* cpu, ulong a, ulong b, out uint aux)
        where T : unmanaged
    {
        ulong r = a - b - Flags.CarryBit(cpu);
        aux = Flags.AuxFromCarries<T>((~a & b) | (~(a ^ b) & r));
        return r;
    }
}

/// <summary>CMP.</summary>
internal readonly unsafe struct Cmp : IBinaryOperation
{
    public static bool Writes => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<T>(CpuState* cpu, ulong a, ulong b, out uint aux)
        where T : unmanaged => Sub.Apply<T>(cpu, a, b, out aux);
}

/// <summary>AND.</summary>
internal readonly unsafe struct And : IBinaryOperation
{
    public static bool Writes => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<T>(CpuState* cpu, ulong a, ulong b, out uint aux)
        where T : unmanaged
    {
        aux = 0;
        return a & b;
    }
}

/// <summary>OR.</summary>
internal readonly unsafe struct Or : IBinaryOperation
{
    public static bool Writes => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<T>(CpuState* cpu, ulong a, ulong b, out uint aux)
        where T : unmanaged
    {
        aux = 0;
        return a | b;
    }
}

/// <summary>XOR.</summary>
internal readonly unsafe struct Xor : IBinaryOperation
{
    public static bool Writes => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<T>(CpuState* cpu, ulong a, ulong b, out uint aux)
        where T : unmanaged
    {
        aux = 0;
        return a ^ b;
    }
}

/// <summary>TEST.</summary>
internal readonly unsafe struct Test : IBinaryOperation
{
    public static bool Writes => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<T>(CpuState* cpu, ulong a, ulong b, out uint aux)
        where T : unmanaged => And.Apply<T>(cpu, a, b, out aux);
}
