using System.Buffers.Binary;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Boot;
using Vitrine.Explain;
using Vitrine.Explain.Model;
using Vitrine.Explain.Text;
using Vitrine.X86;
using Xunit;

namespace Vitrine.Tests.Explain;

/// <summary>
/// What stories tell of fetches that end early or cross pages, and of the exceptions that follow. Expected values are the manual's (SDM vol. 3, 5.3 "Limit
/// Checking", 4.7, 6.15).
/// </summary>
public sealed class FetchStoryTests
{
    private const ulong SecondPage = 0x20_0000;

    // mov rax,cr3; mov cr3,rax: what the tables held before is forgotten.
    private static ReadOnlySpan<byte> Flush => [0x0F, 0x20, 0xD8, 0x0F, 0x22, 0xD8];

    [Fact]
    public void AnInstructionThatGoesBeyondTheLimitOfCSIsNotDecoded()
    {
        // mov ax,1234h at FFFE: its third byte is at offset 10000h.
        FetchStory fetch = Tell([0xB8, 0x34, 0x12], 0xFFFE, FlatMode.Real, 1)[0].Fetch;
        Assert.Equal("b834", fetch.Bytes);
        Assert.Equal("", fetch.Instruction);
        Assert.StartsWith("#GP(0): byte 3 of the instruction, at offset 0x10000, is beyond the limit of CS", fetch.Stop, StringComparison.Ordinal);
        Assert.StartsWith("#GP (vector 13) goes through the real-mode vector at linear 0x34 to f000:f030.", Assert.Single(fetch.Delivery), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AnInstructionThatGoesOnInAnotherPageHasThatPagesTranslation(bool present)
    {
        InstructionStory story = TellAcrossPages(present);
        Assert.Equal(SecondPage - 1, story.Fetch.Segment.Linear);
        Assert.Equal(SecondPage, story.Fetch.Rest!.Linear);
        if (present)
        {
            Assert.Equal(0x60_0000u, story.Fetch.Rest.Gpa);
            Assert.Equal("a8c3", story.Fetch.Bytes);
            Assert.Equal("test al,0xc3", story.Fetch.Instruction);
            Assert.Equal("", story.Fetch.Stop);
            return;
        }

        Assert.Null(story.Fetch.Rest.Gpa);
        Assert.Equal("a8", story.Fetch.Bytes);
        Assert.StartsWith("#PF: byte 2 of the instruction, at 0x200000,", story.Fetch.Stop, StringComparison.Ordinal);
        Assert.Contains(story.Execution!.Registers, change => change is { Name: "CR2", After: "0x200000" });
    }

    [Fact]
    public void AFaultInTheDeliveryOfABenignExceptionIsDeliveredItselfBeforeItComesToADoubleFault()
    {
        // lock nop: #UD. At 0 are real mode's vectors, which are no gates.
        InstructionStory story = Tell([0xF0, 0x90], 0x10_0000, FlatMode.Protected, 1)[0];
        Assert.Collection(
            story.Fetch.Delivery,
            line => Assert.StartsWith("#UD (vector 6): the descriptor at linear 0x30 is 10f000f030f000f0, not a gate: #GP.", line, StringComparison.Ordinal),
            line => Assert.Equal("#GP while delivering #UD makes no double fault: #GP is delivered.", line),
            line => Assert.StartsWith("#GP (vector 13): the descriptor at linear 0x68", line, StringComparison.Ordinal),
            line => Assert.Equal("#GP while delivering #GP: #DF (vector 8) is delivered instead.", line),
            line => Assert.StartsWith("#DF (vector 8): the descriptor at linear 0x40", line, StringComparison.Ordinal),
            line => Assert.EndsWith("This is a triple fault.", line, StringComparison.Ordinal));
        Assert.StartsWith("The guest triple-faulted", story.Execution!.Outcome, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[] { 0xCD, 0x10 }, 1, "f000:f000, linear 0xff000")] // int 10h
    [InlineData(new byte[] { 0xBC, 0xFF, 0xFF, 0xC3 }, 2, "f000:f010, linear 0xff010")] // mov sp,FFFFh; ret: a word across the limit of SS is #SS
    public void ADeliveryIsNotToldAsABranch(byte[] code, ulong instructions, string handler)
    {
        string outcome = Tell(code, 0x7C00, FlatMode.Real, instructions)[^1].Execution!.Outcome;
        Assert.StartsWith($"An exception or interrupt is delivered. Next is {handler}.", outcome, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[] { 0xE8, 0x00, 0x00, 0xC3 }, 2)] // call; ret
    [InlineData(new byte[] { 0xEA, 0x05, 0x7C, 0x00, 0x00, 0x90 }, 1)] // jmp far
    [InlineData(new byte[] { 0x9A, 0x05, 0x7C, 0x00, 0x00, 0xCB }, 2)] // call far; retf
    public void ABranchIsNotToldAsADelivery(byte[] code, ulong instructions) =>
        Assert.All(Tell(code, 0x7C00, FlatMode.Real, instructions), story => Assert.StartsWith("Done. Next is", story.Execution!.Outcome, StringComparison.Ordinal));

    [Fact]
    public void ARootAtAddressZeroIsMemoryAndNoRegister()
    {
        // mov eax,cr0; or eax,80000000h; mov cr0,eax with CR3 = 0, where real mode's vector 0 is: an entry that is not present.
        IReadOnlyList<InstructionStory> told = Tell([0x0F, 0x20, 0xC0, 0x0D, 0, 0, 0, 0x80, 0x0F, 0x22, 0xC0, 0x90], 0x10_0000, FlatMode.Protected, 4);
        StringWriter text = new();
        StoryText.Write(told[^1].Fetch.Translation!, text, colour: false);
        Assert.Contains("PDE    0     0x0          0xf000f030", text.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(MmuMode.Shadow)]
    [InlineData(MmuMode.TwoDimensional)]
    public void AFetchWhereNoSlotIsMapsNoMemory(MmuMode mmu)
    {
        // mov eax,80000000h; jmp eax.
        FetchStory fetch = Tell([0xB8, 0x00, 0x00, 0x00, 0x80, 0xFF, 0xE0], 0x10_0000, FlatMode.Protected, 3, mmu)[2].Fetch;
        Assert.Null(fetch.Translation!.Slot);
        Assert.Contains(fetch.Translation.Mmu!.Events, text => text.StartsWith("No slot holds the address", StringComparison.Ordinal));
        Assert.DoesNotContain(fetch.Translation.Mmu.Events, text => text.Contains("the instruction is fetched", StringComparison.Ordinal));
        Assert.Equal("", fetch.Instruction);
        Assert.StartsWith("No memory answers at guest-physical 0x80000000", fetch.Stop, StringComparison.Ordinal);
    }

    [Fact]
    public void CallsAreNumberedWithoutGaps()
    {
        Story story = StoryTeller.Tell(Machine([0x90], 0x7C00, FlatMode.Real, MmuMode.Shadow), new StoryRequest());
        Assert.Equal(Enumerable.Range(1, story.Creation.Calls.Count), story.Creation.Calls.Select(call => call.Number));
    }

    [Fact]
    public void WhatTheGuestHasSetIsNotToldAsTheBootProtocols()
    {
        // mov al,12h.
        Story story = StoryTeller.Tell(Machine([0xB0, 0x12], 0x7C00, FlatMode.Real, MmuMode.Shadow), new StoryRequest());
        Assert.Equal("set by the boot protocol; RESET gives 0xfff0", Note(story.State.Registers, "RIP"));
        Assert.Equal("", Note(story.End.Registers, "RIP"));
        Assert.Equal("", Note(story.End.Registers, "RAX"));

        static string Note(IEnumerable<RegisterFact> registers, string name) => registers.Single(register => register.Name == name).Note;
    }

    // 0 to 2 MiB is one page; what is behind it another, which is absent or lies at 6 MiB.
    private static InstructionStory TellAcrossPages(bool present)
    {
        const uint SecondEntry = 0x9_2008;
        uint entry = present ? 0x60_0083u : 0;
        List<byte> code = [];

        // mov byte [600000h],C3h; mov qword [92008h],entry.
        code.AddRange([0xC6, 0x04, 0x25, 0x00, 0x00, 0x60, 0x00, 0xC3]);
        code.AddRange([0x48, 0xC7, 0x04, 0x25, .. Bytes(SecondEntry), .. Bytes(entry)]);
        code.AddRange(Flush);
        const ulong Start = SecondPage - 0x100;
        code.AddRange([0xE9, .. Bytes((uint)(0x100 - 1 - (code.Count + 5)))]);
        byte[] all = new byte[0x100];
        code.CopyTo(all);
        all[^1] = 0xA8; // test al,imm8
        return Tell(all, Start, FlatMode.Long, 6)[^1];
    }

    private static byte[] Bytes(uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return bytes;
    }

    private static IReadOnlyList<InstructionStory> Tell(byte[] code, ulong at, FlatMode mode, ulong instructions, MmuMode mmu = MmuMode.Shadow) =>
        StoryTeller.Tell(Machine(code, at, mode, mmu), new StoryRequest { Instructions = instructions }).Instructions;

    private static MachineConfig Machine(byte[] code, ulong at, FlatMode mode, MmuMode mmu) => new()
    {
        Boot = new BootSource.FlatBytes(code, new Gpa(at), at, mode),
        MemoryBytes = 16 << 20,
        Accelerator = AcceleratorChoice.Soft,
        Software = new SoftwareOptions { Mmu = mmu },
    };
}
