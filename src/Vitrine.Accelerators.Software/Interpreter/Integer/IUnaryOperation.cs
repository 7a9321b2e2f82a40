using System.Runtime.CompilerServices;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Interpreter.Integer;

// SAFETY: every operation touches only the flags of the running vCPU's state.

/// <summary>INC, DEC, NOT, NEG, for every width at once.</summary>
internal unsafe interface IUnaryOperation
{
    /// <summary>Computes the result; stores no flags.</summary>
    static abstract ulong Apply<T>(ulong a)
        where T : unmanaged;

    /// <summary>Stores the flags, when the result has been written.</summary>
    static abstract void SetFlags<T>(CpuState* cpu, ulong a, ulong r)
        where T : unmanaged;
}

/// <summary>INC: CF stays.</summary>
internal readonly unsafe struct Inc : IUnaryOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<T>(ulong a)
        where T : unmanaged => a + 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetFlags<T>(CpuState* cpu, ulong a, ulong r)
        where T : unmanaged
    {
        bool overflow = Width.SignExtend<T>(r) == Width.SignExtend<T>(1UL << (Width.Bits<T>() - 1));
        Flags.Set<T>(cpu, r, Flags.Aux(Flags.Carry(cpu), overflow, (r & 0xF) == 0));
    }
}

/// <summary>DEC: CF stays.</summary>
internal readonly unsafe struct Dec : IUnaryOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<T>(ulong a)
        where T : unmanaged => a - 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetFlags<T>(CpuState* cpu, ulong a, ulong r)
        where T : unmanaged
    {
        bool overflow = Width.SignExtend<T>(a) == Width.SignExtend<T>(1UL << (Width.Bits<T>() - 1));
        Flags.Set<T>(cpu, r, Flags.Aux(Flags.Carry(cpu), overflow, (a & 0xF) == 0));
    }
}

/// <summary>NEG.</summary>
internal readonly unsafe struct Neg : IUnaryOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<T>(ulong a)
        where T : unmanaged => 0 - a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetFlags<T>(CpuState* cpu, ulong a, ulong r)
        where T : unmanaged
    {
        Sub.Apply<T>(cpu, 0, a, out uint aux);
        Flags.Set<T>(cpu, r, aux);
    }
}

/// <summary>NOT: no flags.</summary>
internal readonly unsafe struct Not : IUnaryOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<T>(ulong a)
        where T : unmanaged => ~a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetFlags<T>(CpuState* cpu, ulong a, ulong r)
        where T : unmanaged
    {
    }
}
