namespace Vitrine.Accelerators.Software.Interpreter.SseFloat;

/// <summary>What tells COMISS from UCOMISS.</summary>
internal interface IOrdering
{
    /// <summary>A quiet NaN is an invalid operand.</summary>
    static abstract bool QuietIsInvalid { get; }

    /// <summary>COMISS, COMISD.</summary>
    internal readonly struct Signaling : IOrdering
    {
        public static bool QuietIsInvalid => true;
    }

    /// <summary>UCOMISS, UCOMISD.</summary>
    internal readonly struct Quiet : IOrdering
    {
        public static bool QuietIsInvalid => false;
    }
}
