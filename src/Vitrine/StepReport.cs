namespace Vitrine;

/// <summary>What stepping a vCPU brought.</summary>
/// <param name="Outcome">How it went.</param>
/// <param name="Steps">Steps that were completed: instructions, elements of repeated string instructions, and deliveries of events.</param>
/// <param name="ExitCount">Exits to devices and others that leave the accelerator, in all steps together.</param>
/// <param name="Exits">Those of the last step, in order.</param>
/// <param name="End">How the machine ended; null while it has not.</param>
public sealed record StepReport(StepOutcome Outcome, ulong Steps, ulong ExitCount, IReadOnlyList<StepExit> Exits, VmEnd? End);
