using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>
/// A way to form the linear address of a memory operand, as a type parameter of a handler: one of
/// <see cref="BaseDisplacementAddress"/>, <see cref="LongAddress"/>, <see cref="LegacyAddress"/>, <see cref="AnyAddress"/>.
/// </summary>
internal unsafe interface IAddress
{
    /// <summary>Forms the address for a read and checks the segment.</summary>
    /// <returns>False when a fault is recorded.</returns>
    static abstract bool ForRead(CpuState* cpu, Op* op, int size, out ulong linear);

    /// <summary>Forms the address for a write (or a read followed by a write) and checks the segment.</summary>
    static abstract bool ForWrite(CpuState* cpu, Op* op, int size, out ulong linear);

    /// <summary>The offset in the segment, truncated to the address size: what LEA yields.</summary>
    static abstract ulong Offset(CpuState* cpu, Op* op);
}
