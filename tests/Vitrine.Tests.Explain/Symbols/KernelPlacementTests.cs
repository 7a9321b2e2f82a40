using System.Globalization;
using System.Text;
using Iced.Intel;
using Vitrine.Boot;
using Vitrine.Explain;
using Vitrine.Explain.Model;
using Vitrine.Explain.Symbols;
using Vitrine.X86;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Explain.Symbols;

/// <summary>What can be known of a kernel that KASLR may have moved, and the names that follow from it.</summary>
public sealed class KernelPlacementTests
{
    private const ulong Entry = 0xffffffff81c00080;
    private const ulong IdtTable = 0xffffffff832b4000;
    private const ulong Moved = 0x1a200000;

    private static readonly SymbolTable s_symbols = SymbolTable.Read(new ImageFile(
        Encoding.ASCII.GetBytes(
            $"""
            ffffffff81000000 T _text
            ffffffff81000100 T do_work
            {Entry:x} T entry_SYSCALL_64
            ffffffff82a04000 d bringup_idt_table
            {IdtTable:x} b idt_table
            ffffffff83830000 B _end
            """),
        "symbol file",
        "System.map"));

    [Theory]
    [InlineData(0UL)]
    [InlineData(Moved)]
    public void TheSystemCallEntryTellsByHowMuchTheKernelWasMoved(ulong offset)
    {
        KernelPlacement placement = new(s_symbols, isHeld: false);
        placement.Follow(State(0xffffffff81000100 + offset, lstar: Entry + offset));
        SymbolStory story = placement.Tell();
        Assert.Equal(offset, story.KernelOffset);
        Assert.False(story.Suspect);
        Assert.Contains(Hex(Entry + offset), story.Note, StringComparison.Ordinal);
        Assert.Equal(offset != 0, story.Note.Contains("nokaslr", StringComparison.Ordinal));
        Assert.Equal("do_work", placement.NameOf(0xffffffff81000100 + offset));
        Assert.Equal("do_work+0x8", placement.NameOf(0xffffffff81000108 + offset));
    }

    /// <summary>Either table may be in force while the kernel starts.</summary>
    [Theory]
    [InlineData(IdtTable)]
    [InlineData(0xffffffff82a04000)]
    public void TheInterruptTableTellsItToo(ulong table)
    {
        KernelPlacement placement = new(s_symbols, isHeld: false);
        placement.Follow(State(0xffffffff81000100 + Moved, idt: table + Moved));
        Assert.Equal(Moved, placement.Tell().KernelOffset);
    }

    /// <summary>The address that was asked for is where the kernel would be had it not moved: the story ends without it, and says why.</summary>
    [Fact]
    public void AStoryThatNeverComesToItsAddressTellsByHowMuchTheKernelWasMoved()
    {
        ulong entry = Entry + Moved;
        byte[] code =
        [
            0x66, 0xB9, 0x82, 0x00, 0x00, 0xC0,                    // mov ecx, IA32_LSTAR
            0x66, 0xBA, 0xFF, 0xFF, 0xFF, 0xFF,                    // mov edx, -1
            0x66, 0xB8, (byte)entry, (byte)(entry >> 8), (byte)(entry >> 16), (byte)(entry >> 24), // mov eax, ...
            0x0F, 0x30,                                            // wrmsr
            0xEB, 0xFE,                                            // jmp $
        ];
        MachineConfig config = new()
        {
            Boot = new BootSource.FlatBytes(code, new Gpa(0x7C00), 0x7C00, FlatMode.Real),
            MemoryBytes = 1 << 20,
            Accelerator = AcceleratorChoice.Soft,
        };
        Story story = StoryTeller.Tell(config, new StoryRequest { Until = 0xffffffff81000100, Symbols = s_symbols, Timeout = TimeSpan.FromMilliseconds(500) });
        Assert.Equal(Moved, story.Symbols!.KernelOffset);
        Assert.Contains("nokaslr", story.Symbols.Note, StringComparison.Ordinal);
    }

    /// <summary>What was found once holds: a kernel moves once.</summary>
    [Fact]
    public void LaterRegistersChangeNothing()
    {
        KernelPlacement placement = new(s_symbols, isHeld: false);
        placement.Follow(State(0xffffffff81000100, lstar: Entry));
        placement.Follow(State(0xffffffff9b000000, lstar: Entry + Moved));
        Assert.Equal(0UL, placement.Tell().KernelOffset);
    }

    [Fact]
    public void ARipWhereNoSymbolIsSaysThatItWasMovedButNotHowFar()
    {
        KernelPlacement placement = new(s_symbols, isHeld: false);
        placement.Follow(State(0xffffffff9b000100));
        SymbolStory story = placement.Tell();
        Assert.Null(story.KernelOffset);
        Assert.True(story.Suspect);
        Assert.Contains("0xffffffff9b000100", story.Note, StringComparison.Ordinal);
        Assert.Contains("nokaslr", story.Note, StringComparison.Ordinal);

        // A name would be a guess.
        Assert.Null(placement.NameOf(0xffffffff81000100));
    }

    [Fact]
    public void AnotherKernelsFileIsNotBelieved()
    {
        KernelPlacement placement = new(s_symbols, isHeld: false);
        placement.Follow(State(0xffffffff81000100, lstar: Entry + 0x40));
        SymbolStory story = placement.Tell();
        Assert.Null(story.KernelOffset);
        Assert.Contains("another kernel's", story.Note, StringComparison.Ordinal);
        Assert.Null(placement.NameOf(0xffffffff81000100));
    }

    [Theory]
    [InlineData(false, true, "No register has told yet")]
    [InlineData(true, false, "stays where it was linked")]
    public void WhatIsNotKnownIsSaid(bool isHeld, bool suspect, string says)
    {
        KernelPlacement placement = new(s_symbols, isHeld);
        placement.Follow(State(0x1000200));
        SymbolStory story = placement.Tell();
        Assert.Equal(suspect, story.Suspect);
        Assert.Contains(says, story.Note, StringComparison.Ordinal);
        Assert.Equal("do_work", placement.NameOf(0xffffffff81000100));
        Assert.Null(placement.NameOf(0x1000200));
    }

    /// <summary>call rel32 at do_work: itself, its target, and not where it goes on, which is the target. The page fault's address, if one came.</summary>
    [Fact]
    public void AnInstructionsAddressesHaveNames()
    {
        Instruction call = Decode([0xE8, 0x7B, 0xFF, 0xBF, 0x00], 0xffffffff81000100);
        Assert.Equal(Entry, call.NearBranchTarget);
        Assert.Equal(["CS:RIP do_work", "call target entry_SYSCALL_64"], Names(call, Entry));
        Assert.Equal(["CS:RIP do_work", "call target entry_SYSCALL_64", "CR2 idt_table+0x8", "next _text+0x20"], Names(call, 0xffffffff81000020, cr2: IdtTable + 8));

        // mov rax,[rip+x]; mov rax,gs:[x], which is relative to GS; ret.
        Assert.Equal(["CS:RIP do_work", "operand idt_table"], Names(Decode([0x48, 0x8B, 0x05, 0xF9, 0x3E, 0x2B, 0x02], 0xffffffff81000100), 0xffffffff81000107));
        Assert.Equal(["CS:RIP do_work"], Names(Decode([0x65, 0x48, 0x8B, 0x04, 0x25, 0x00, 0x40, 0x2B, 0x83], 0xffffffff81000100), 0xffffffff81000109));
        Assert.Equal(["CS:RIP do_work", "next _text"], Names(Decode([0xC3], 0xffffffff81000100), 0xffffffff81000000));
    }

    private static IEnumerable<string> Names(Instruction instruction, ulong next, ulong cr2 = 0)
    {
        ProcessorState after = State(next);
        after.Cr2 = cr2;
        return InstructionSymbols.Of(new KernelPlacement(s_symbols, isHeld: true), instruction.IP, instruction, State(instruction.IP), after, next)
            .Select(fact => $"{fact.What} {fact.Name}");
    }

    private static Instruction Decode(byte[] bytes, ulong rip)
    {
        Iced.Intel.Decoder decoder = Iced.Intel.Decoder.Create(64, new ByteArrayCodeReader(bytes), rip);
        decoder.Decode(out Instruction instruction);
        return instruction;
    }

    private static ProcessorState State(ulong rip, ulong lstar = 0, ulong idt = 0)
    {
        ProcessorState state = new() { Rip = rip, Idtr = new DescriptorTable(idt, 0xFFF) };
        state.Msrs[Msr.IA32_LSTAR] = lstar;
        return state;
    }

    private static string Hex(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");
}
