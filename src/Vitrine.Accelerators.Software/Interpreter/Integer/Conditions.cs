using System.Numerics;
using System.Runtime.CompilerServices;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Interpreter.Integer;

// SAFETY: conditions read only the flags of the running vCPU's state.

/// <summary>One of the sixteen conditions of Jcc, SETcc and CMOVcc (SDM vol. 1, appendix B).</summary>
internal unsafe interface ICondition
{
    /// <summary>Decides from the flags.</summary>
    static abstract bool Holds(CpuState* cpu);

    /// <summary>Decides from the operands of a CMP, without going through flags.</summary>
    static abstract bool AfterCompare<T>(ulong a, ulong b)
        where T : unmanaged;
}

/// <summary>O.</summary>
internal readonly unsafe struct IfO : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Holds(CpuState* cpu) => Flags.Overflow(cpu);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AfterCompare<T>(ulong a, ulong b)
        where T : unmanaged => Width.IsNegative<T>((a ^ b) & (a ^ (a - b)));
}

/// <summary>B, C, NAE.</summary>
internal readonly unsafe struct IfB : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Holds(CpuState* cpu) => Flags.Carry(cpu);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AfterCompare<T>(ulong a, ulong b)
        where T : unmanaged => a < b;
}

/// <summary>E, Z.</summary>
internal readonly unsafe struct IfE : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Holds(CpuState* cpu) => Flags.Zero(cpu);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AfterCompare<T>(ulong a, ulong b)
        where T : unmanaged => a == b;
}

/// <summary>BE, NA.</summary>
internal readonly unsafe struct IfBe : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Holds(CpuState* cpu) => Flags.Carry(cpu) || Flags.Zero(cpu);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AfterCompare<T>(ulong a, ulong b)
        where T : unmanaged => a <= b;
}

/// <summary>S.</summary>
internal readonly unsafe struct IfS : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Holds(CpuState* cpu) => Flags.Sign(cpu);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AfterCompare<T>(ulong a, ulong b)
        where T : unmanaged => Width.IsNegative<T>(a - b);
}

/// <summary>P, PE.</summary>
internal readonly unsafe struct IfP : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Holds(CpuState* cpu) => Flags.Parity(cpu);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AfterCompare<T>(ulong a, ulong b)
        where T : unmanaged => (BitOperations.PopCount((uint)(byte)(a - b)) & 1) == 0;
}

/// <summary>L, NGE.</summary>
internal readonly unsafe struct IfL : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Holds(CpuState* cpu) => Flags.Sign(cpu) != Flags.Overflow(cpu);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AfterCompare<T>(ulong a, ulong b)
        where T : unmanaged => (long)Width.SignExtend<T>(a) < (long)Width.SignExtend<T>(b);
}

/// <summary>LE, NG.</summary>
internal readonly unsafe struct IfLe : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Holds(CpuState* cpu) => Flags.Zero(cpu) || Flags.Sign(cpu) != Flags.Overflow(cpu);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AfterCompare<T>(ulong a, ulong b)
        where T : unmanaged => (long)Width.SignExtend<T>(a) <= (long)Width.SignExtend<T>(b);
}

/// <summary>The opposite of another condition: NO, AE, NE, A, NS, NP, GE, G.</summary>
internal readonly unsafe struct Unless<TCondition> : ICondition
    where TCondition : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Holds(CpuState* cpu) => !TCondition.Holds(cpu);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AfterCompare<T>(ulong a, ulong b)
        where T : unmanaged => !TCondition.AfterCompare<T>(a, b);
}
