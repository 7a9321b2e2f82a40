namespace Vitrine;

/// <summary>How stepping a vCPU went.</summary>
public enum StepOutcome
{
    /// <summary>The steps asked for were made.</summary>
    Stepped,

    /// <summary>The address or the condition asked for was reached.</summary>
    Reached,

    /// <summary>The time was over. The vCPU stands between two instructions: behind its HLT when it waits for an interrupt.</summary>
    TimedOut,

    /// <summary>The guest asked for a reset in this step: the vCPU stands at the reset vector.</summary>
    Reset,

    /// <summary>The machine has ended; the report says how.</summary>
    Ended,
}
