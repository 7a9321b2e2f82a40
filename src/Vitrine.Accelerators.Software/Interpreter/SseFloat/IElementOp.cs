using Vitrine.Accelerators.Software.FloatingPoint;

namespace Vitrine.Accelerators.Software.Interpreter.SseFloat;

/// <summary>The part of an instruction that concerns one element.</summary>
internal interface IElementOp
{
    /// <summary>Computes one element, its bits in the low part.</summary>
    static abstract ulong Apply<TFormat>(ulong a, ulong b, byte control, ref FpEnvironment environment)
        where TFormat : struct, ISseFormat;
}
