using Vitrine.Explain.Fetch;
using Vitrine.Explain.Model;
using Xunit;

namespace Vitrine.Tests.Explain;

/// <summary>What is derived of KVM's MMU, for hosts other than this one.</summary>
public sealed class KvmMmuExplanationTests
{
    private static readonly SlotFact s_slot = new(0, "ram-low", 0, 1 << 20, false, 0x7F00_0000_0000);
    private static readonly KvmMmu s_unrestricted = new("EPT", IsIntel: true, HasSecondLevel: true, Unrestricted: true, EmulatesRing0: false);

    // SDM vol. 3, table 27-7: a fetch is bit 2, and bits 7 and 8 are set too, so that the whole value isn't 4.
    [Fact]
    public void AnEptViolationIsToldByTheBitThatSaysFetch() =>
        Assert.Contains(Events(s_unrestricted), text => text.Contains("bit 2 of the qualification", StringComparison.Ordinal));

    [Fact]
    public void WithoutUnrestrictedGuestThereAreTwoDimensionsThoughTheGuestHasPagingOff()
    {
        IReadOnlyList<string> events = Events(s_unrestricted with { Unrestricted = false });
        Assert.Contains(events, text => text.Contains("identity page", StringComparison.Ordinal));
        Assert.DoesNotContain(events, text => text.StartsWith("One dimension", StringComparison.Ordinal));
    }

    // SDM vol. 3, 4.4.1: PAE's pointer entries are registers, so that two guest levels are left to read.
    [Fact]
    public void PointerRegistersAreNoMemoryReference()
    {
        WalkEntry[] walk = [Entry("PDPTE0", 3, 0), Entry("PDE", 2, 0x2000), Entry("PTE", 1, 0x3000)];
        Assert.Contains(Events(s_unrestricted, walk), text => text.Contains("(2 + 1) × (4 + 1) − 1 = 14", StringComparison.Ordinal));
    }

    [Fact]
    public void WhereNoSlotIsNothingIsMapped()
    {
        IReadOnlyList<string> events = Events(s_unrestricted, slot: null);
        Assert.Contains(events, text => text.Contains("internal error", StringComparison.Ordinal));
        Assert.DoesNotContain(events, text => text.Contains("KVM finds the memory slot", StringComparison.Ordinal));
    }

    [Fact]
    public void WhereRing0IsEmulatedUserCodeStillRunsOnShadowTables()
    {
        KvmMmu mmu = new("PVM", IsIntel: false, HasSecondLevel: false, Unrestricted: false, EmulatesRing0: true);
        WalkEntry[] walk = [Entry("PTE", 1, 0x3000)];
        Assert.Contains(Events(mmu, walk), text => text.Contains("walks the guest's tables in software", StringComparison.Ordinal));
        Assert.Contains(Events(mmu, walk, access: "fetch, user mode"), text => text.Contains("root of the shadow page table", StringComparison.Ordinal));
    }

    private static IReadOnlyList<string> Events(KvmMmu mmu, WalkEntry[]? walk = null, string access = "fetch, supervisor mode") => Events(mmu, s_slot, walk, access);

    private static IReadOnlyList<string> Events(KvmMmu mmu, SlotFact? slot, WalkEntry[]? walk = null, string access = "fetch, supervisor mode")
    {
        MmuStory story = KvmMmuExplanation.Of(
            mmu,
            new TranslationStory
            {
                Linear = 0x7C00,
                Access = access,
                PagingMode = "",
                Cr3 = 0,
                Cr3Use = "",
                Walk = walk ?? [],
                Outcome = "",
                Gpa = 0x7C00,
                Slot = slot,
            },
            isFetch: true);
        Assert.Equal(Evidence.Derived, story.Evidence);
        return story.Events;
    }

    private static WalkEntry Entry(string name, int level, ulong at) => new(level, name, 0, at, at, true, 1, ["P"], "");
}
