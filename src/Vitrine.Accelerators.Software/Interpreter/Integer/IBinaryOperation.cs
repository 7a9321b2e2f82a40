using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Interpreter.Integer;

/// <summary>A two-operand instruction of the ADD family, for every width at once.</summary>
internal unsafe interface IBinaryOperation
{
    /// <summary>True when the result goes to the destination; false for CMP and TEST.</summary>
    static abstract bool Writes { get; }

    /// <summary>Computes the result (bits above the operand are noise) and the auxiliary flag word.</summary>
    static abstract ulong Apply<T>(CpuState* cpu, ulong a, ulong b, out uint aux)
        where T : unmanaged;
}
