namespace Vitrine.Guests;

/// <summary>How a guest ends.</summary>
public enum GuestEnd
{
    /// <summary>It writes <see cref="GuestProgram.ExitValue"/> to the debug-exit port 0xF4.</summary>
    DebugExit,

    /// <summary>It powers the machine off through ACPI (S5).</summary>
    PowerOff,

    /// <summary>It resets the machine.</summary>
    Reset,

    /// <summary>It triple-faults.</summary>
    TripleFault,

    /// <summary>It runs until somebody tells it to end.</summary>
    Never,
}
