using Vitrine.Explain.Model;

namespace Vitrine.Explain.Fetch;

/// <summary>
/// What KVM's MMU does for a first touch of an address. User space can't look into it, so all of this is derived from what the module says
/// of itself and from the state.
/// </summary>
internal static class KvmMmuExplanation
{
    /// <summary>The story for an address.</summary>
    public static MmuStory Of(KvmMmu mmu, TranslationStory translation, bool isFetch)
    {
        List<string> events = [];
        if (translation.Gpa is not { } gpa)
        {
            events.Add("The guest's own walk fails, so the fault is the guest's: " + (mmu.HasSecondLevel
                ? "the processor delivers it to the guest without an exit."
                : "it exits to KVM, which walks the guest's tables, finds the fault to be the guest's and injects it."));
        }
        else if (mmu.HasSecondLevel)
        {
            AddSecondLevel(mmu, translation, gpa, isFetch, events);
        }
        else
        {
            AddShadow(mmu, translation, events);
        }

        return new MmuStory(mmu.Name, [], [], [], [], [], events, Evidence.Derived);
    }

    private static void AddSecondLevel(KvmMmu mmu, TranslationStory translation, ulong gpa, bool isFetch, List<string> events)
    {
        int guestLevels = translation.Walk.Count;
        events.Add(guestLevels == 0
            ? "One dimension only: the guest-physical address goes through the second-level table, 4 references when nothing is cached."
            : $"Two dimensions: up to ({guestLevels} + 1) × (4 + 1) − 1 = {((guestLevels + 1) * 5) - 1} references when nothing is cached.");
        string qualification = isFetch ? "0x4: an instruction fetch" : "0x1: a data read";
        events.Add(mmu.IsIntel
            ? $"If the page was never touched: EPT violation, exit reason 48, qualification {qualification}; guest-physical address {Text.Hex.Of(gpa)}."
            : $"If the page was never touched: nested page fault, exit code 0x400; guest-physical address {Text.Hex.Of(gpa)} in EXITINFO2.");
        events.Add("KVM finds the memory slot, from it the host virtual address, and the page frame behind that; it installs all missing levels in one exit, without pinning the page.");
        events.Add("The guest is entered again at the same RIP, and the access succeeds.");
    }

    private static void AddShadow(KvmMmu mmu, TranslationStory translation, List<string> events)
    {
        if (mmu.EmulatesRing0)
        {
            events.Add("This KVM emulates the guest's ring 0: its instruction emulator reads the bytes through the slot's host virtual address, and no page table is involved.");
            return;
        }

        if (mmu.IsIntel && translation.Walk.Count == 0)
        {
            events.Add("Without EPT there is no unrestricted guest: a state that virtual-8086 mode can't hold is emulated by KVM in software until it can.");
        }

        events.Add(translation.Walk.Count == 0
            ? "Paging is off: direct shadow pages, whose root is loaded into CR3 by KVM, map guest-physical addresses."
            : "The guest's CR3 is only a value to KVM: CR3 in hardware holds the root of the shadow page table.");
        events.Add("If the page was never touched: the page fault exits to KVM, which walks the guest's tables in software, finds slot and page frame, fills the shadow entries that lack, and enters again.");
    }
}
