using System.Runtime.Intrinsics;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Interpreter.Sse;

/// <summary>An operand that can be the destination; registers are named by <see cref="Op.Dst"/>.</summary>
internal unsafe interface IVectorDestination : IVectorOperand
{
    /// <summary>The old value of a vector register; zero for other places, which no vector instruction reads first.</summary>
    static abstract Vector128<byte> Current(CpuState* cpu, Op* op);

    /// <summary>Writes as much of the low end of <paramref name="value"/> as the place holds.</summary>
    /// <returns>False when a fault is recorded.</returns>
    static abstract bool Store(CpuState* cpu, Op* op, Vector128<byte> value);
}
