namespace Vitrine.Explain.Model;

/// <summary>From a linear address to memory, as the machine stands.</summary>
public sealed record TranslationStory
{
    /// <summary>The linear address.</summary>
    public required ulong Linear { get; init; }

    /// <summary>The access that it is about: "fetch", "read", "write", with "user" or "supervisor".</summary>
    public required string Access { get; init; }

    /// <summary>Paging off, or the paging mode.</summary>
    public required string PagingMode { get; init; }

    /// <summary>CR3's value.</summary>
    public required ulong Cr3 { get; init; }

    /// <summary>What CR3 is used for here, or that it isn't.</summary>
    public required string Cr3Use { get; init; }

    /// <summary>The guest's page walk, from the root down; empty without paging.</summary>
    public required IReadOnlyList<WalkEntry> Walk { get; init; }

    /// <summary>How the walk ends, in a sentence.</summary>
    public required string Outcome { get; init; }

    /// <summary>The page fault's error code where the walk ends in one; else null.</summary>
    public uint? PageFaultErrorCode { get; init; }

    /// <summary>Page size in bytes, where there is a translation.</summary>
    public ulong? PageSize { get; init; }

    /// <summary>The guest-physical address, where there is a translation.</summary>
    public ulong? Gpa { get; init; }

    /// <summary>The memory slot that holds it; null when none does.</summary>
    public SlotFact? Slot { get; init; }

    /// <summary>The way from the guest-physical address to the host's memory.</summary>
    public HostFact? Host { get; init; }

    /// <summary>What KVM_TRANSLATE answered for the same address; null elsewhere than on KVM.</summary>
    public KvmTranslation? Kvm { get; init; }

    /// <summary>What the machine's MMU holds for the address, and what it has to do.</summary>
    public MmuStory? Mmu { get; init; }
}
