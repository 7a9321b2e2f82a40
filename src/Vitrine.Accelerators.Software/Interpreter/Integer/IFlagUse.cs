namespace Vitrine.Accelerators.Software.Interpreter.Integer;

/// <summary>Whether anybody can see the flags that an operation leaves.</summary>
internal interface IFlagUse
{
    /// <summary>True when they must be stored.</summary>
    static abstract bool Live { get; }
}

/// <summary>The flags are stored.</summary>
internal readonly struct LiveFlags : IFlagUse
{
    public static bool Live => true;
}

/// <summary>A later instruction of the block overwrites the flags before anything can see them.</summary>
internal readonly struct DeadFlags : IFlagUse
{
    public static bool Live => false;
}
