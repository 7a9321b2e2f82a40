using System.Runtime.CompilerServices;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Interpreter.Integer;

// SAFETY: register operands are offsets of CpuState fields, set by binders.

/// <summary>Where a second operand comes from, when it isn't memory.</summary>
internal unsafe interface ISource
{
    /// <summary>The operand, zero-extended (an immediate may carry noise above the operand's width).</summary>
    static abstract ulong Get<T>(CpuState* cpu, Op* op)
        where T : unmanaged;
}

/// <summary>The register at <see cref="Op.Src"/>.</summary>
internal readonly unsafe struct RegisterSource : ISource
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Get<T>(CpuState* cpu, Op* op)
        where T : unmanaged => Width.ReadRegister<T>(cpu, op->Src);
}

/// <summary>The immediate.</summary>
internal readonly unsafe struct ImmediateSource : ISource
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Get<T>(CpuState* cpu, Op* op)
        where T : unmanaged => Width.Truncate<T>(op->Imm);
}
