namespace Vitrine.Explain.Model;

/// <summary>Steps 2 to 5 of one more vCPU.</summary>
/// <param name="Vcpu">Its number.</param>
/// <param name="State">Step 2.</param>
/// <param name="Entry">Step 3; null where it has not entered the guest.</param>
/// <param name="Instructions">Steps 4 and 5.</param>
/// <param name="End">Why its story ends.</param>
public sealed record VcpuStory(int Vcpu, StateStory State, EntryStory? Entry, IReadOnlyList<InstructionStory> Instructions, StoryEnd End);
