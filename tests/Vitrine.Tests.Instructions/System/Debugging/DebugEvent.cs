namespace Vitrine.Tests.Software.Debugging;

/// <summary>What a program raised, or how it ended.</summary>
/// <param name="Vector">Vector; 0 for an end.</param>
/// <param name="Rip">The RIP that was pushed.</param>
/// <param name="Resume">RF in the flags that were pushed.</param>
/// <param name="Level">The privilege level that was interrupted.</param>
/// <param name="Causes">Of #DB: DR6's bits.</param>
internal sealed record DebugEvent(int Vector, ulong Rip, bool Resume, int Level, ulong Causes)
{
    private readonly string _end = "";

    public DebugEvent(string end)
        : this(0, 0, false, 0, 0) => _end = end;

    public static DebugEvent End { get; } = new("end");

    public static DebugEvent Halt { get; } = new("halt");

    public static DebugEvent SystemCall { get; } = new("syscall");

    public static DebugEvent SystemEnter { get; } = new("sysenter");

    public override string ToString() =>
        Vector == 0 ? _end : $"#{Vector} at {Rip:x} from level {Level}{(Resume ? " RF" : "")}{(Vector == 1 ? $" DR6 {Causes:x}" : "")}";
}
