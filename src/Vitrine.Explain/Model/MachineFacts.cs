namespace Vitrine.Explain.Model;

/// <summary>What machine the story is about.</summary>
/// <param name="Guest">What it boots: "firmware bios.bin", "kernel vmlinuz", "flat code.bin at 0x8000, real mode".</param>
/// <param name="MemoryBytes">Guest RAM.</param>
/// <param name="CpuModel">CPU model.</param>
/// <param name="Accelerator">"kvm" or "soft".</param>
/// <param name="Mmu">"shadow" or "two-dimensional" on the software CPU; on KVM what its module uses, as far as the host says.</param>
/// <param name="MmuEvidence">How <paramref name="Mmu"/> is known.</param>
/// <param name="Slots">The memory slots.</param>
public sealed record MachineFacts(
    string Guest,
    ulong MemoryBytes,
    string CpuModel,
    string Accelerator,
    string Mmu,
    Evidence MmuEvidence,
    IReadOnlyList<SlotFact> Slots);
