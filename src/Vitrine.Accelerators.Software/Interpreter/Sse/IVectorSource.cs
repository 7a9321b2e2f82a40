using System.Runtime.Intrinsics;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Interpreter.Sse;

/// <summary>An operand that can be the source; registers are named by <see cref="Op.Src"/>.</summary>
internal unsafe interface IVectorSource : IVectorOperand
{
    /// <summary>Reads it, zero-extended.</summary>
    /// <returns>False when a fault is recorded.</returns>
    static abstract bool Load(CpuState* cpu, Op* op, out Vector128<byte> value);
}
