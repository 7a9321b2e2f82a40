namespace Vitrine;

/// <summary>Points in time of a machine's start, for measuring it. All on one clock; default until reached.</summary>
/// <param name="VcpuReady">When the boot processor had its state.</param>
/// <param name="FirstInstruction">When the boot processor entered the guest for the first time.</param>
public readonly record struct MachineTimestamps(DateTime VcpuReady, DateTime FirstInstruction);
