using Vitrine.Accelerators.Software.Interpreter.Decode;

namespace Vitrine.Accelerators.Software.Interpreter.X87;

/// <summary>All x87 instructions: opcodes D8 to DF, and FWAIT.</summary>
internal static class X87Instructions
{
    /// <summary>Registers them.</summary>
    public static void Register(OpTable table)
    {
        Loads.Register(table);
        Stores.Register(table);
        ArithmeticInstructions.Register(table);
        Comparisons.Register(table);
        StackInstructions.Register(table);
        Functions.Register(table);
        ControlInstructions.Register(table);
    }
}
