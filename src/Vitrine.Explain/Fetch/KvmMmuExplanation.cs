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
                : mmu.EmulatesRing0 ? "KVM, which walks the guest's tables in software, injects it."
                : "it exits to KVM, which walks the guest's tables, finds the fault to be the guest's and injects it."));
        }
        else if (mmu.EmulatesRing0 && !translation.Access.Contains("user", StringComparison.Ordinal))
        {
            events.Add(
                "This KVM emulates the guest's ring 0: its instruction emulator reads the bytes through the slot's host virtual address. " +
                (translation.Walk.Count == 0 ? "No page table is involved." : "It walks the guest's tables in software; no table of the processor's is involved."));
        }
        else if (mmu.HasSecondLevel)
        {
            AddSecondLevel(mmu, translation, gpa, isFetch, events);
        }
        else
        {
            AddShadow(mmu, translation, events);
        }

        if (translation is { Gpa: not null, Slot: null }) events.Add(NoSlot(isFetch));
        return new MmuStory(mmu.Name, [], [], [], [], [], events, Evidence.Derived);
    }

    // Where no slot is there is no memory to map.
    private static string NoSlot(bool isFetch) => isFetch
        ? "No slot holds the address, so that there is nothing to map: KVM tries to emulate the instruction, can't fetch it either, and ends the run with an internal error."
        : "No slot holds the address, so that there is nothing to map: KVM emulates the access and leaves it to the VMM, with exit reason KVM_EXIT_MMIO.";

    private static void AddSecondLevel(KvmMmu mmu, TranslationStory translation, ulong gpa, bool isFetch, List<string> events)
    {
        bool paging = translation.Walk.Count > 0;
        if (!paging && mmu is { IsIntel: true, Unrestricted: false })
        {
            events.Add("Without unrestricted guest paging can't be off: the processor walks KVM's identity page, and takes what it finds through EPT. Real mode runs as virtual-8086 mode; a state that this can't hold is emulated by KVM in software.");
        }
        else
        {
            // With PAE the four entries of the top are in registers on Intel.
            int levels = translation.Walk.Count(entry => !entry.IsRegister());
            events.Add(paging
                ? $"Two dimensions: up to ({levels} + 1) × (4 + 1) − 1 = {((levels + 1) * 5) - 1} references when nothing is cached."
                : "One dimension only: the guest-physical address goes through the second-level table, 4 references when nothing is cached.");
        }

        if (translation.Slot is null) return;
        string qualification = isFetch ? "bit 2 of the qualification: an instruction fetch" : "bit 0 of the qualification: a data read";
        events.Add(mmu.IsIntel
            ? $"If the page was never touched: EPT violation, exit reason 48, {qualification}; guest-physical address 0x{gpa:x}."
            : $"If the page was never touched: nested page fault, exit code 0x400; guest-physical address 0x{gpa:x} in EXITINFO2.");
        events.Add("KVM finds the memory slot, from it the host virtual address, and the page frame behind that; it installs all missing levels in one exit, without pinning the page.");
        events.Add("The guest is entered again at the same RIP, and the access succeeds.");
    }

    private static void AddShadow(KvmMmu mmu, TranslationStory translation, List<string> events)
    {
        if (mmu.IsIntel && translation.Walk.Count == 0)
        {
            events.Add("Without EPT there is no unrestricted guest: a state that virtual-8086 mode can't hold is emulated by KVM in software until it can.");
        }

        events.Add(translation.Walk.Count == 0
            ? "Paging is off: direct shadow pages, whose root is loaded into CR3 by KVM, map guest-physical addresses."
            : "The guest's CR3 is only a value to KVM: CR3 in hardware holds the root of the shadow page table.");
        if (translation.Slot is null) return;
        events.Add("If the page was never touched: the page fault exits to KVM, which walks the guest's tables in software, finds slot and page frame, fills the shadow entries that lack, and enters again.");
    }
}
