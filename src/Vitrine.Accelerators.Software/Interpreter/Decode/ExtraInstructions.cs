using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Interpreter.Decode;

/// <summary>Instructions that a processor has besides those of the <see cref="OpTable"/>.</summary>
internal abstract unsafe class ExtraInstructions
{
    // SAFETY: binders write to the operation that they are given.

    /// <summary>True when the decoder is to know TZCNT: without BMI1 its bytes are BSF.</summary>
    public abstract bool HasTzcnt { get; }

    /// <summary>True when the decoder is to know LZCNT: without it its bytes are BSR.</summary>
    public abstract bool HasLzcnt { get; }

    /// <summary>True for an instruction that <see cref="Bind"/> binds.</summary>
    public abstract bool Contains(Code code);

    /// <summary>Sets the handler and the register operands of an operation whose common fields are filled.</summary>
    /// <param name="instruction">An instruction that <see cref="Contains"/> knows.</param>
    /// <param name="context">The block's mode.</param>
    /// <param name="op">The operation.</param>
    public abstract void Bind(in Instruction instruction, in BindContext context, Op* op);
}
