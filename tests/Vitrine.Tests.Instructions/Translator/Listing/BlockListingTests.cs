using System.Globalization;
using System.Text.RegularExpressions;
using Iced.Intel;
using Vitrine.Accelerators.Translation;
using Vitrine.Errors;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Software.Translator.Listing;

/// <summary>Listings of translated blocks: every guest instruction, every host byte, and names for what host code refers to.</summary>
public sealed partial class BlockListingTests
{
    [Theory]
    [InlineData(64)]
    [InlineData(32)]
    public void EachGuestInstructionStandsBesideItsHostCode(int bitness)
    {
        using FlatGuest guest = new(bitness == 64 ? Mixed64 : Mixed32, bitness);
        BlockListing listing = guest.Vcpu.ListBlock(FlatGuest.Entry);
        List<GuestCodeLine> lines = [.. listing.Parts.Select(part => part.Guest).OfType<GuestCodeLine>()];

        // The bytes are the guest's, without a gap, to the return that ends the block.
        Assert.Equal(Convert.ToHexStringLower(guest.Code), string.Concat(lines.Select(line => line.Bytes)));
        Assert.Equal(guest.Code.Length, listing.GuestBytes);
        Assert.Equal(lines.Count, listing.GuestInstructions);
        Assert.Equal(bitness, listing.Bitness);
        ulong rip = FlatGuest.Entry;
        foreach (GuestCodeLine line in lines)
        {
            Assert.Equal(rip, line.Rip);
            rip += (ulong)(line.Bytes.Length / 2);
        }
    }

    [Theory]
    [InlineData(64)]
    [InlineData(32)]
    public void HostCodeIsListedWithoutAGapButForTheDataBehindCalls(int bitness)
    {
        using FlatGuest guest = new(bitness == 64 ? Mixed64 : Mixed32, bitness);
        BlockListing listing = guest.Vcpu.ListBlock(FlatGuest.Entry);
        List<HostCodeLine> lines = [.. listing.Parts.SelectMany(part => part.Host)];
        Dictionary<string, int> data = new()
        {
            ["call exit.Link"] = 7,
            ["call exit.Interpret"] = 2,
            ["call exit.Poll"] = 2,
            ["call exit.Read"] = 7,
            ["call exit.Write"] = 7,
            ["call exit.X87"] = 2,
            ["call exit.SecondPage"] = 2,
        };
        int offset = 0;
        foreach (HostCodeLine line in lines)
        {
            Assert.Equal(offset, line.Offset);
            offset += (line.Bytes.Length / 2) + data.GetValueOrDefault(line.Text);
        }

        Assert.Equal(listing.HostBytes, offset);
    }

    [Theory]
    [InlineData(64)]
    [InlineData(32)]
    public void BranchesLeadToListedInstructionsOrNamedCodeAndTheStateIsNamed(int bitness)
    {
        using FlatGuest guest = new(bitness == 64 ? Mixed64 : Mixed32, bitness);
        List<HostCodeLine> lines = [.. guest.Vcpu.ListBlock(FlatGuest.Entry).Parts.SelectMany(part => part.Host)];
        HashSet<int> offsets = [.. lines.Select(line => line.Offset)];
        Assert.All(lines, line =>
        {
            Assert.DoesNotContain("rsp", line.Text, StringComparison.Ordinal);
            Assert.DoesNotContain("state.0x", line.Text, StringComparison.Ordinal);
            if (!Branch().IsMatch(line.Text)) return;
            Match target = Target().Match(line.Text);
            bool known = target.Success ? offsets.Contains(int.Parse(target.Groups[1].ValueSpan, NumberStyles.HexNumber, CultureInfo.InvariantCulture))
                : Named().IsMatch(line.Text);
            Assert.True(known, $"{line.Offset:x} {line.Text}");
        });
    }

    [Fact]
    public void WhatLiesOutOfLineSaysWhoseItIs()
    {
        using FlatGuest guest = new(a =>
        {
            Label again = a.CreateLabel();
            a.Label(ref again);
            a.mov(rax, __[rdi + 8]);
            a.mov(__[rsi], rax);
            a.push(rbx);
            a.dec(rcx);
            a.jne(again);
            a.ret();
        });
        string[] titles = [.. guest.Vcpu.ListBlock(FlatGuest.Entry).Parts.Select(part => part.Title).Where(title => title.Length > 0)];
        Assert.Contains("read of 0x100000: another page, or its end", titles);
        Assert.Contains("write of 0x100004: another page, or its end", titles);
        Assert.Contains("write of 0x100007: another page, or its end", titles);
        Assert.Contains("branch to 0x100000, not linked yet", titles);
        Assert.Contains("a request waits", titles);
        Assert.Contains("entry for branches from elsewhere", titles);
    }

    [Fact]
    public void AnInstructionForTheInterpreterEndsTheBlockAndIsShown()
    {
        using FlatGuest guest = new(a =>
        {
            a.inc(eax);
            a.cpuid();
            a.ret();
        });
        BlockListing listing = guest.Vcpu.ListBlock(FlatGuest.Entry);
        BlockPart last = listing.Parts.Last(part => part.Guest is not null);
        Assert.Equal("cpuid", last.Guest!.Text);
        HostCodeLine line = last.Host[^1];
        Assert.Equal(("call exit.Interpret", "0x100002"), (line.Text, line.Note));
        Assert.Equal(1, listing.GuestInstructions);
    }

    [Fact]
    public void AnInstructionInTwoPagesIsABlockOfItsOwn()
    {
        // The last two bytes of the page and the first one of the next.
        using FlatGuest guest = new(a =>
        {
            for (int i = 0; i < 0xFFE; i++) a.nop();
            a.add(rax, rbx);
            a.ret();
        });
        BlockListing listing = guest.Vcpu.ListBlock(FlatGuest.Entry + 0xFFE);
        Assert.Equal("add rax,rbx", Assert.Single(listing.Parts, part => part.Guest is not null).Guest!.Text);
        Assert.Equal(3, listing.GuestBytes);
        Assert.Contains(listing.Parts.SelectMany(part => part.Host), line => line.Text == "call exit.SecondPage");
    }

    [Fact]
    public void LookingChangesNothingThatRuns()
    {
        using FlatGuest guest = new(a =>
        {
            a.mov(ecx, 1000);
            Label again = a.CreateLabel();
            a.Label(ref again);
            a.dec(ecx);
            a.jne(again);
            FlatGuest.Exit(a, 5);
        });
        ulong blocks = guest.Vcpu.TranslatorEngine!.Translations.Translated;
        nuint used = guest.Vcpu.TranslatorEngine!.Translations.Used;
        for (int i = 0; i < 100; i++) guest.Vcpu.ListBlock(FlatGuest.Entry);
        Assert.Equal((blocks, used), (guest.Vcpu.TranslatorEngine!.Translations.Translated, guest.Vcpu.TranslatorEngine!.Translations.Used));
        Assert.Equal((VmEndReason.DebugExit, 5u), (guest.Run() is var end ? end.Reason : default, end.Value));
    }

    [Fact]
    public void AnAddressWithoutMemoryHasNoBlock()
    {
        using FlatGuest guest = new(a => a.hlt());
        Assert.Contains("no page is mapped", Assert.Throws<VitrineException>(() => guest.Vcpu.ListBlock(1UL << 40)).Why, StringComparison.Ordinal);
        Assert.Contains("no memory is behind it", Assert.Throws<VitrineException>(() => guest.Vcpu.ListBlock(0xD000_0000)).Why, StringComparison.Ordinal);
    }

    private static void Mixed64(Assembler a)
    {
        Label again = a.CreateLabel();
        a.Label(ref again);
        a.mov(rax, __[rdi + 8]);
        a.add(r10, __[rsp + 0x10]);
        a.mov(__dword_ptr[r15 + (rcx * 4) - 4], eax);
        a.nop();
        a.lea(r11, __[rax + rbx]);
        a.fld(__qword_ptr[rdi]);
        a.mov(eax, __dword_ptr[0x20_0000]);
        a.idiv(rcx);
        a.push(r10);
        a.pop(rdx);
        a.dec(rcx);
        a.jne(again);
        a.ret();
    }

    private static void Mixed32(Assembler a)
    {
        Label again = a.CreateLabel();
        a.Label(ref again);
        a.mov(eax, __[edi + 8]);
        a.add(edx, __[esp + 0x10]);
        a.mov(__dword_ptr[esi + (ecx * 4) - 4], eax);
        a.lea(ebx, __[eax + ebx]);
        a.push(edx);
        a.pop(edx);
        a.dec(ecx);
        a.jne(again);
        a.ret();
    }

    [GeneratedRegex(@"^(j\w+|call) ")]
    private static partial Regex Branch();

    [GeneratedRegex(@"\+([0-9a-f]+)$")]
    private static partial Regex Target();

    [GeneratedRegex(@" (exit|stack|load)\.\w+$|\[state\.Branches\+r15\*8\]$")]
    private static partial Regex Named();
}
