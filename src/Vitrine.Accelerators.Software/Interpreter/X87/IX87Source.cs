using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.FloatingPoint;

namespace Vitrine.Accelerators.Software.Interpreter.X87;

/// <summary>The second operand of an arithmetic instruction or comparison: a register, or one of the memory formats.</summary>
internal unsafe interface IX87Source
{
    /// <summary>Reads it.</summary>
    /// <returns>False when a fault is recorded.</returns>
    static abstract bool Read(CpuState* cpu, Op* op, out Unpacked value);

    /// <summary>True when the operand is an empty register.</summary>
    static abstract bool IsEmpty(CpuState* cpu, Op* op);
}
