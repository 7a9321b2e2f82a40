using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Interpreter.Integer;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>The integer instructions.</summary>
internal static class IntegerOps
{
    /// <summary>All of them.</summary>
    public static void Register(OpTable table)
    {
        BinaryForms.Register(table);
        UnaryForms.Register(table);
        Moves.Register(table);
        Shifts.Register(table);
        MultiplyDivide.Register(table);
        Bits.Register(table);
        CompareExchange.Register(table);
        StackInstructions.Register(table);
        Branches.Register(table);
        Strings.Register(table);
        FlagInstructions.Register(table);
    }
}
