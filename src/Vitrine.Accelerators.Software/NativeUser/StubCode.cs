namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>Where the parts of a stub's code lie, in bytes from the start of its page.</summary>
internal readonly record struct StubCode
{
    /// <summary>The signal handler.</summary>
    public required int Handler { get; init; }

    /// <summary>The SYSCALL instruction that makes the calls of a turn.</summary>
    public required int CallSite { get; init; }

    /// <summary>The SYSCALL instruction that gives the turn to the monitor.</summary>
    public required int HandOver { get; init; }

    /// <summary>Returns from a handler.</summary>
    public required int Restorer { get; init; }

    /// <summary>Behind the last instruction.</summary>
    public required int End { get; init; }
}
