using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Mmx;
using Vitrine.Accelerators.Software.Interpreter.Sse;
using Vitrine.Accelerators.Software.Interpreter.SseFloat;
using Vitrine.Accelerators.Software.Interpreter.X87;

namespace Vitrine.Accelerators.Software.Interpreter.Decode;

/// <summary>
/// Which binder stands behind each of Iced's instruction codes. Filled once, in one visible order; a code without an
/// entry raises #UD, which is right for everything that the CPU models don't announce.
/// </summary>
internal sealed unsafe class OpTable
{
    // SAFETY: holds addresses of static methods only; binders write to the operation they are given.
    private readonly Binder[] _binders = new Binder[IcedConstants.CodeCount];

    private OpTable()
    {
        IntegerOps.Register(this);
        SystemOps.Register(this);
        MmxOps.Register(this);
        SseOps.Register(this);
        X87Instructions.Register(this);
        SseFloatInstructions.Register(this);
    }

    /// <summary>The table.</summary>
    public static OpTable Instance { get; } = new();

    /// <summary>Names the binder of an instruction. A second one for the same code is a mistake in the wiring.</summary>
    public void Add(Code code, Binder binder)
    {
        if (_binders[(int)code] != null) throw new InvalidOperationException($"{code} is registered twice.");
        _binders[(int)code] = binder;
    }

    /// <summary>True when the instruction is implemented.</summary>
    public bool Contains(Code code) => _binders[(int)code] != null;

    /// <summary>Sets the handler and the register operands of an operation whose common fields are filled.</summary>
    public void Bind(in Instruction instruction, in BindContext context, Op* op)
    {
        Binder binder = _binders[(int)instruction.Code];
        if (binder == null) op->Handler = &Faults.InvalidOpcode;
        else binder(instruction, context, op);
    }
}
