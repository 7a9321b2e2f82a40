using Vitrine.Explain.Model;

namespace Vitrine.Tests.Explain;

/// <content>The reset vector of SeaBIOS with paging off, on the software CPU with its shadow MMU; three instructions.</content>
internal static partial class SampleStory
{
    /// <summary>A name that does harm wherever it isn't escaped.</summary>
    public const string HostileName = "bios & <script>alert(\"1\")</script>\u001b[31m'.bin";

    public static Story SeaBios => new()
    {
        Machine = new MachineFacts(
            $"firmware {HostileName}",
            64UL << 20,
            "qemu64",
            "soft",
            "shadow",
            Evidence.Observed,
            [LowMemory, Alias, Firmware]),
        Creation = SoftwareCreation("shadow"),
        State = new StateStory(
            Settings,
            [
                new("RAX", "0x0", "", Evidence.Observed),
                new("RDX", "0x60fb1", "Family, model and stepping, as RESET leaves them (SDM vol. 3, table 10-1).", Evidence.Observed),
                new("RIP", "0xfff0", "RESET: 16 bytes below the end of the segment.", Evidence.Observed),
                new("RFLAGS", "0x2", "Bit 1 is always 1.", Evidence.Observed),
                new("CS", "f000 base 0xffff0000 limit 0xffff access 0x9b", "The hidden base is not selector × 16: RESET sets it by itself.", Evidence.Observed),
                new("CR0", "0x60000010", "CD and NW: caches off; PE and PG are 0: real mode.", Evidence.Observed),
                new("CR3", "0x0", "", Evidence.Observed),
                new("CR4", "0x0", "", Evidence.Observed),
                new("EFER", "0x0", "", Evidence.Observed),
                new("IDTR", "base 0x0 limit 0xffff", "", Evidence.Observed),
            ],
            [
                new("Full", true, false, [new("RDX", "0x0", "0x60fb1"), new("CPUID.signature", "0x0", "0x60fb1")], Evidence.Observed),
                new("Runtime", false, false, [], Evidence.Observed),
            ]),
        Entry = Entry("0x60000030", "0x0", "0x2000", "0x0", "0xffff0000", "0xfff0", "CR3 is the guest's own and is not used: CR0.PG is 0.", "CR3 points at the hypervisor's shadow page table; the guest's CR3 isn't loaded."),
        Instructions = [Reset, FirstJumpTarget, ReadPort],
        End = new StoryEnd("instructions", "3 instructions were executed, as many as were asked for.", 3),
    };

    private static SlotFact Alias => new(1, "bios-alias", 0xE_0000, 0x2_0000, true, 0x7f31_bfe2_0000);

    private static SlotFact Firmware => new(2, "firmware", 0xFFFC_0000, 0x4_0000, true, 0x7f31_bfe0_0000);

    private static InstructionStory Reset => new(
        1,
        new FetchStory(
            new SegmentFact(
                "real mode",
                0xF000,
                0xFFFF_0000,
                0xFFFF,
                0x9B,
                0xFFF0,
                0xFFFF_FFF0,
                "Hidden base + RIP = 0xffff0000 + 0xfff0, cut to 32 bits. The base is not selector × 16 (0xf0000): RESET sets the hidden part by itself, and it holds until CS is loaded.",
                ""),
            Unpaged(0xFFFF_FFF0, Firmware) with
            {
                Mmu = NoMmu("shadow", Evidence.Observed) with
                {
                    Shadow = [Shadow(4, 1, 0, "level 4, direct, paging off", 0, 0, "-")],
                    ShadowAfter =
                    [
                        Shadow(4, 1, 0, "level 4, direct, paging off", 0, 2, "wux"),
                        Shadow(3, 2, 0, "level 3, direct, paging off", 3, 3, "wux"),
                        Shadow(2, 3, 0xC000_0000, "level 2, direct, paging off", 511, 4, "wux"),
                        Shadow(1, 4, 0xFFE0_0000, "level 1, direct, paging off", 511, 0x7f31_bfe3_f000, "ux"),
                    ],
                    Events =
                    [
                        "The shadow page table has nothing for 0xfffff000: entry 0 of the root is absent, and the access faults to the MMU.",
                        "Paging is off, so the guest-physical address is the linear one; slot 2, firmware, holds it, read-only.",
                        "Three direct shadow pages are made, and one leaf is filled without the right to write.",
                        "The fetch is made again, and succeeds.",
                    ],
                    Counters = [new("faults", 1), new("fills", 1), new("pages", 3)],
                },
            },
            "ea5be000f0",
            "jmp 0F000h:0E05Bh"),
        new ExecutionStory(
            [new("RIP", "0xfff0", "0xe05b"), new("CS", "f000 base 0xffff0000 limit 0xffff access 0x9b", "f000 base 0xf0000 limit 0xffff access 0x9b")],
            [],
            [],
            "The far jump loads CS: its hidden base becomes selector × 16, and the code goes on in the alias below 1 MiB."));

    private static InstructionStory FirstJumpTarget => new(
        2,
        new FetchStory(
            new SegmentFact(
                "real mode",
                0xF000,
                0xF_0000,
                0xFFFF,
                0x9B,
                0xE05B,
                0xF_E05B,
                "Hidden base + RIP = 0xf0000 + 0xe05b, cut to 32 bits. The base is selector × 16, as the last load of CS left it.",
                ""),
            Unpaged(0xF_E05B, Alias),
            "2e66833e006500",
            "cmp dword [cs:6500h],0"),
        new ExecutionStory([new("RIP", "0xe05b", "0xe062"), new("RFLAGS", "0x2", "0x46")], [], [], "Goes on at the next instruction."));

    private static InstructionStory ReadPort => new(
        3,
        new FetchStory(
            new SegmentFact("real mode", 0xF000, 0xF_0000, 0xFFFF, 0x9B, 0xE062, 0xF_E062, "Hidden base + RIP = 0xf0000 + 0xe062, cut to 32 bits.", ""),
            Unpaged(0xF_E062, Alias),
            "6c",
            "insb"),
        new ExecutionStory(
            [new("RIP", "0xe062", "0xe063"), new("RDI", "0x500", "0x501")],
            [new(0x500, 0x500, "00", "e9")],
            [new("IN, 1 byte from port 0x402", "debug port")],
            "Goes on at the next instruction."));

    private static TranslationStory Unpaged(ulong linear, SlotFact slot) => new()
    {
        Linear = linear,
        Access = "fetch, supervisor mode",
        PagingMode = "off (CR0.PG is 0)",
        Cr3 = 0,
        Cr3Use = "not used: with paging off no table is looked at, whatever CR3 holds.",
        Walk = [],
        Outcome = "Paging is off: the guest-physical address is the linear address.",
        Gpa = linear,
        Slot = slot,
        Host = new HostFact(slot.HostVirtual + (linear - slot.Start), null, NoHostPhysical),
    };
}
