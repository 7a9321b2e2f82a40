using System.Runtime.Intrinsics;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Interpreter.Sse;

/// <summary>Size and alignment of the memory operand of a vector instruction (SDM vol. 2, 2.4 "Exception Classification").</summary>
internal unsafe interface IMemoryFormat
{
    /// <summary>Reads it, zero-extended.</summary>
    /// <returns>False when a fault is recorded.</returns>
    static abstract bool Load<TAddress>(CpuState* cpu, Op* op, out Vector128<byte> value)
        where TAddress : struct, IAddress;

    /// <summary>Writes the low end of <paramref name="value"/>.</summary>
    /// <returns>False when a fault is recorded.</returns>
    static abstract bool Store<TAddress>(CpuState* cpu, Op* op, Vector128<byte> value)
        where TAddress : struct, IAddress;
}
