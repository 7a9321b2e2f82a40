using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.FloatingPoint;

namespace Vitrine.Accelerators.Software.Interpreter.X87;

/// <summary>ST(i).</summary>
internal readonly unsafe struct StackSource : IX87Source
{
    // SAFETY: see X87Stack.

    /// <inheritdoc/>
    public static bool Read(CpuState* cpu, Op* op, out Unpacked value)
    {
        value = Unpacked.From(X87Stack.Read(cpu, X87Form.Register(op)));
        return true;
    }

    /// <inheritdoc/>
    public static bool IsEmpty(CpuState* cpu, Op* op) => X87Stack.IsEmpty(cpu, X87Form.Register(op));
}
