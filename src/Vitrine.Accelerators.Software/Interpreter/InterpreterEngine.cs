using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Engines;
using Vitrine.Accelerators.Software.Interpreter.Decode;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>Executes decoded operations, in every mode.</summary>
/// <param name="cpu">The state.</param>
/// <param name="code">Finds the operations.</param>
internal sealed unsafe class InterpreterEngine(CpuState* cpu, CodeFinder code) : Engine
{
    // SAFETY: the state and its operations outlive the run; only the vCPU's thread comes here.

    /// <inheritdoc/>
    public override string Name => "interpreter";

    /// <inheritdoc/>
    public override bool TryRun(bool finishing)
    {
        Op* op = code.Find(cpu->Rip);
        if (op != null) Follow(op);
        return true;
    }

    /// <summary>Executes operations, one leading to the next, until one leaves.</summary>
    /// <param name="op">The operation of the instruction at RIP.</param>
    public void Follow(Op* op)
    {
        cpu->BlockRip = cpu->Rip;
        do
        {
            op = op->Handler(cpu, op);
        }
        while (op != null);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
    }
}
