namespace Vitrine.Explain.Model;

/// <summary>Step 3: VM entry, for each way in which a hypervisor could run this state.</summary>
/// <param name="Modes">Intel with EPT and unrestricted guest, with EPT only, with shadow paging; AMD with and without nested paging.</param>
/// <param name="Refusal">Why this vCPU refused to enter, where it did; else empty.</param>
public sealed record EntryStory(IReadOnlyList<EntryModeStory> Modes, string Refusal);
