using Vitrine.Accelerators.Mmu;
using Vitrine.Explain.Model;

namespace Vitrine.Tests.Explain;

/// <content>Linux's 64-bit entry with 4-level paging and 2-MiB pages on the two-dimensional MMU, and a translation with five levels.</content>
internal static partial class SampleStory
{
    public static Story Linux => new()
    {
        Machine = new MachineFacts("kernel vmlinuz-6.1, 64-bit entry", 64UL << 20, "qemu64", "soft", "two-dimensional", Evidence.Observed, [LowMemory]),
        Creation = SoftwareCreation("two-dimensional"),
        State = new StateStory(
            Settings,
            [
                new("RSI", "0x7000", "Address of boot_params (Linux boot protocol, 64-bit).", Evidence.Observed),
                new("RIP", "0x1000200", "startup_64: 0x200 behind the load address.", Evidence.Observed),
                new("CS", "0010 base 0x0 limit 0xffffffff access 0xa09b", "L=1: 64-bit code.", Evidence.Observed),
                new("CR0", "0x80000011", "", Evidence.Observed),
                new("CR3", "0x9000", "Identity tables made for the entry.", Evidence.Observed),
                new("CR4", "0x20", "PAE, as long mode demands.", Evidence.Observed),
                new("EFER", "0x500", "LME and LMA.", Evidence.Observed),
            ],
            [new("Full", true, false, [new("RSI", "0x0", "0x7000"), new("RIP", "0xfff0", "0x1000200"), new("CR0", "0x60000010", "0x80000011"), new("CR3", "0x0", "0x9000"), new("CR4", "0x0", "0x20"), new("EFER", "0x0", "0x500")], Evidence.Observed)]),
        Entry = Entry("0x80000031", "0x9000", "0x2020", "0x500", "0x0", "0x1000200", "CR3 is the guest's own: a guest-physical address.", "CR3 points at the hypervisor's shadow page table; the guest's CR3 isn't loaded."),
        Instructions =
        [
            Startup with
            {
                Symbols =
                [
                    new("CS:RIP", 0x100_0200, "startup_64"), new("operand", 0xffff_ffff_832b_4000, "idt_table"), new("CR2", 0x9000, "early_top_pgt+0x10"),
                    new("next", 0x100_0201, "startup_64+0x1"),
                ],
            },
        ],
        Symbols = new SymbolStory(HostileName, 86_296, 0x1a20_0000, "The kernel was moved by 0x1a200000 (KASLR).", false),
        End = new StoryEnd("instructions", "1 instruction was executed, as many as were asked for.", 1),
    };

    /// <summary>A write through five levels, with an entry without a second-level mapping and the host-physical address known.</summary>
    public static TranslationStory FiveLevel => new()
    {
        Linear = 0xff11_2233_4455_6abc,
        Access = "write, supervisor mode",
        PagingMode = "5-level paging",
        Cr3 = 0x10_0000,
        Cr3Use = "guest-physical address 0x100000 of the PML5 (slot 0, ram-low).",
        Walk = FiveLevelWalk,
        Outcome = "Allowed: a 4-KiB page, writable, supervisor, no execution, global.",
        PageSize = 4096,
        Gpa = 0x20_0abc,
        Slot = LowMemory,
        Host = new HostFact(0x7f31_c020_0abc, 0x1_2345_6abc, "it may change at any time: the page is not pinned"),
        Mmu = NoMmu("two-dimensional", Evidence.Observed) with { TwoDimensional = [.. TwoDimensional(FiveLevelWalk, 0x20_0abc)[..^1], new(0, 1, 0x20_0abc, 0, false)] },
    };

    private static IReadOnlyList<WalkEntry> FiveLevelWalk =>
    [
        new(5, "PML5E", 273, 0x10_0000, 0x10_0888, true, 0x10_1023, ["P", "R/W", "A"], "the PML4 is at 0x101000"),
        new(4, "PML4E", 68, 0x10_1000, 0x10_1220, true, 0x10_2023, ["P", "R/W", "A"], "the page-directory-pointer table is at 0x102000"),
        new(3, "PDPTE", 205, 0x10_2000, 0x10_2668, true, 0x10_3023, ["P", "R/W", "A"], "the page directory is at 0x103000"),
        new(2, "PDE", 34, 0x10_3000, 0x10_3110, true, 0x10_4023, ["P", "R/W", "A"], "the page table is at 0x104000"),
        new(1, "PTE", 342, 0x10_4000, 0x10_4ab0, true, 0x8000_0000_0020_0163, ["P", "R/W", "A", "D", "G", "XD"], "maps a 4-KiB page at 0x200000"),
    ];

    private static IReadOnlyList<WalkEntry> StartupWalk =>
    [
        new(4, "PML4E", 0, 0x9000, 0x9000, true, 0xA003, ["P", "R/W"], "the page-directory-pointer table is at 0xa000"),
        new(3, "PDPTE", 0, 0xA000, 0xA000, true, 0xB003, ["P", "R/W"], "the page directory is at 0xb000"),
        new(2, "PDE", 8, 0xB000, 0xB040, true, 0x100_0083, ["P", "R/W", "PS"], "maps a 2-MiB page at 0x1000000"),
    ];

    private static InstructionStory Startup => new(
        1,
        new FetchStory(
            new SegmentFact(
                "64-bit mode", 0x10, 0, 0xFFFF_FFFF, 0xA09B, 0x100_0200, 0x100_0200, "In 64-bit mode CS has no base and no limit: the linear address is RIP.", ""),
            new TranslationStory
            {
                Linear = 0x100_0200,
                Access = "fetch, supervisor mode",
                PagingMode = "4-level paging",
                Cr3 = 0x9000,
                Cr3Use = "guest-physical address 0x9000 of the PML4 (slot 0, ram-low).",
                Walk = StartupWalk,
                Outcome = "Allowed: a 2-MiB page, writable, supervisor, executable.",
                PageSize = 0x20_0000,
                Gpa = 0x100_0200,
                Slot = LowMemory,
                Host = new HostFact(0x7f31_c100_0200, null, NoHostPhysical),
                Mmu = NoMmu("two-dimensional", Evidence.Observed) with
                {
                    TwoDimensional = [.. TwoDimensional(StartupWalk, 0x100_0200)[..15], new(0, 4, 0x100_0200, 0x8003, true), new(0, 3, 0x100_0200, 0x8103, true), new(0, 2, 0x100_0200, 0, false)],
                    TwoDimensionalAfter = TwoDimensional(StartupWalk, 0x100_0200),
                    Events =
                    [
                        "The guest's three entries are read, each through the second-level table.",
                        "The second-level table has no entry for 0x1000200: level 2 is absent, which is a fault for the hypervisor.",
                        "The slot holds the address; a table is made, one leaf is filled, and the walk is made again.",
                    ],
                    Counters = [new("faults", 1), new("fills", 1), new("walks", 2), new("walk references", 37)],
                },
            },
            "fc",
            "cld"),
        new ExecutionStory([new("RIP", "0x1000200", "0x1000201")], [], [], "Goes on at the next instruction."));

    /// <summary>The references of a walk of some guest levels, each through four second-level ones: n × 5 + 4.</summary>
    private static TwoDimensionalReference[] TwoDimensional(IReadOnlyList<WalkEntry> walk, ulong gpa)
    {
        List<TwoDimensionalReference> references = [];
        foreach (WalkEntry entry in walk)
        {
            AddSecondLevel(entry.Level, entry.Address);
            references.Add(new(entry.Level, 0, entry.Address, entry.Value, true));
        }

        AddSecondLevel(0, gpa);
        return [.. references];

        void AddSecondLevel(int level, ulong address)
        {
            references.Add(new(level, 4, address, 0x8003, true));
            references.Add(new(level, 3, address, 0x8103, true));
            references.Add(new(level, 2, address, 0x8203, true));
            references.Add(new(level, 1, address, 0x7f31_c000_0003 + (address & ~0xFFFUL), true));
        }
    }
}
