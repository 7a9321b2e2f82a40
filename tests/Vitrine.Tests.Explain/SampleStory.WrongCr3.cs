using Vitrine.Explain.Model;

namespace Vitrine.Tests.Explain;

/// <content>A protected-mode guest on KVM whose CR3 points where there is no memory.</content>
internal static partial class SampleStory
{
    private const string RefusedCr3 = "CR3 0x400040000000";

    public static Story WrongCr3 => new()
    {
        Machine = new MachineFacts("flat code.bin at 0x8000, protected mode with paging", 64UL << 20, "qemu64", "kvm", "shadow (tdp_mmu=N)", Evidence.Derived, [LowMemory]),
        Creation = KvmCreation,
        State = new StateStory(
            Settings,
            [
                new("RIP", "0x8000", "The load address.", Evidence.Observed),
                new("CS", "0008 base 0x0 limit 0xffffffff access 0xc09b", "D=1: 32-bit code.", Evidence.Observed),
                new("CR0", "0x80000011", "PE and PG.", Evidence.Observed),
                new("CR3", "0x40000000", "Beyond the last byte of memory, 0x3ffffff.", Evidence.Observed),
                new("CR4", "0x10", "PSE.", Evidence.Observed),
            ],
            [new("Full", true, false, [new("CR0", "0x60000010", "0x80000011"), new("CR3", "0x0", "0x40000000")], Evidence.Observed)]),
        Entry = Entry("0x80000031", "0x40000000", "0x2010", "0x0", "0x0", "0x8000", "CR3 is the guest's own: a guest-physical address, which entry doesn't look behind.", "CR3 points at the hypervisor's shadow page table; the guest's CR3 isn't loaded."),
        Instructions = [Unfetched],
        End = new StoryEnd("guest", "The guest came to a triple fault: no handler of the page fault could be reached through the same tables.", 0),
    };

    /// <summary>The same with a CR3 that is wider than 40 bits of physical address: entry itself refuses it, and nothing is fetched.</summary>
    public static Story Refused => WrongCr3 with
    {
        Entry = Entry("0x80000031", "0x400040000000", "0x2010", "0x0", "0x0", "0x8000", "CR3 is the guest's own: a guest-physical address.", "CR3 points at the hypervisor's shadow page table; the guest's CR3 isn't loaded.", RefusedCr3),
        Instructions = [],
        End = new StoryEnd("guest", "The vCPU refused to enter.", 0),
    };

    /// <summary>A fetch that segmentation refuses: RIP is beyond CS's limit, and no table is looked at.</summary>
    public static InstructionStory BeyondLimit => new(
        1,
        new FetchStory(
            new SegmentFact("real mode", 0, 0, 0xFFFF, 0x9B, 0x1_0000, 0x1_0000, "Hidden base + RIP = 0x0 + 0x10000, cut to 32 bits.", "#GP(0): RIP is beyond the limit of CS, 0xffff."),
            null,
            "",
            ""),
        null);

    private static InstructionStory Unfetched => new(
        1,
        new FetchStory(
            new SegmentFact(
                "32-bit protected mode",
                8,
                0,
                0xFFFF_FFFF,
                0xC09B,
                0x8000,
                0x8000,
                "Hidden base + RIP = 0x0 + 0x8000, cut to 32 bits. The base came from a descriptor when CS was loaded, or from whoever set the state; no descriptor is read now.",
                ""),
            new TranslationStory
            {
                Linear = 0x8000,
                Access = "fetch, supervisor mode",
                PagingMode = "32-bit paging",
                Cr3 = 0x4000_0000,
                Cr3Use = "guest-physical address 0x40000000 of the page directory (no memory slot holds it).",
                Walk = [new(2, "PDE", 0, 0x4000_0000, 0x4000_0000, false, 0xFFFF_FFFF, ["P", "R/W", "U/S", "PWT", "PCD", "A", "PS"], "no memory there: all ones, so reserved bits are set")],
                Outcome = "#PF: the PDE lies where there is no memory, reads as all ones, and so has reserved bits set. Error code 0x9 (P: the page is present, read, supervisor, reserved bit set).",
                PageFaultErrorCode = 9,
                Kvm = new KvmTranslation(false, 0, true),
            },
            "",
            ""),
        new ExecutionStory(
            [],
            [],
            [new("shutdown: triple fault", "the machine: it ends")],
            "#PF, then #DF, then shutdown: IDT and stack lie behind the same tables."));
}
