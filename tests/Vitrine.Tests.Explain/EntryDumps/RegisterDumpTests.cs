using System.Collections.Immutable;
using Vitrine.Errors;
using Vitrine.Explain.EntryDumps;
using Vitrine.X86.VmEntry;
using Xunit;

namespace Vitrine.Tests.Explain.EntryDumps;

/// <summary>Registers of QEMU and of debuggers: the state, the checks on it, and the instruction that the guest was at.</summary>
public sealed class RegisterDumpTests
{
    private const string File = "log.txt";
    private const string Refused = "KVM: entry failed, hardware error 0x80000021\n";

    // A change of a valid dump, and what must be said of the code then. Instructions: SDM vol. 2; the prefix 66 widens in 16-bit code and narrows in 32-bit code.
    public static TheoryData<string, string, string, string> Code => new()
    {
        { RegisterSamples.Qemu16, "", "", "real mode at CS:RIP = f000:fff0, linear address 0xfffffff0." },
        { RegisterSamples.Qemu16, "", "", "'jmp 0xf000:0xe05b'" },
        { RegisterSamples.Qemu16, "<ea> 5b e0 00 f0", "<66> b8 78 56 34 12 00", "'mov eax,0x12345678'" },
        { RegisterSamples.Qemu32, "", "", "32-bit protected mode at CS:RIP = 0008:1000, linear address 0x1000." },
        { RegisterSamples.Qemu32, "", "", "'mov eax,[ebx]'" },
        { RegisterSamples.Qemu32, "<8b> 03", "<66> 8b 03", "'mov ax,[ebx]'" },
        { RegisterSamples.Qemu64, "", "", "64-bit mode at CS:RIP = 0008:ffffff800004ddf7" },
        { RegisterSamples.Qemu64, "", "", "'movaps [rdi],xmm0' (SSE; 0f 29 07)" },
        { RegisterSamples.Qemu64, "<0f> 29 07", "<00> 00 00", "00 00: empty memory" },
        { RegisterSamples.Qemu64, "<0f> 29 07", "<ff> ff ff", "ff ff: nothing is mapped there" },
        { RegisterSamples.Qemu64, "<0f> 29 07 c3", "<??> ?? ?? ??", "points into nothing" },
        { RegisterSamples.Qemu64, "<0f> 29 07", "<0f> 0a 07", "no valid instruction" },
        { RegisterSamples.Qemu64, "<0f> 29", "<f0> c3", "no valid instruction" },
        { RegisterSamples.Qemu64, "<0f> 29", "0f 29", "No code byte is marked" },
        { RegisterSamples.Qemu64, "Code=", "Coda=", "no code bytes" },
        { RegisterSamples.Qemu64, "RIP=ffffff800004ddf7", "RIP=0fffff800004ddf7", "RIP is not canonical" },
        { RegisterSamples.Qemu64, "RIP=ffffff800004ddf7", "RIP=00000000000b0000", "points into nothing that holds code: mapped one to one, this address is the video memory" },
        { RegisterSamples.Qemu32, "EIP=00001000", "EIP=000a0000", "this address is the video memory" },
        { RegisterSamples.Qemu32, "EIP=00001000", "EIP=fee00000", "interrupt controllers" },
        { RegisterSamples.Qemu16, "EIP=0000fff0", "EIP=00010000", "beyond the limit of CS, 0xffff" },
    };

    // A change of a valid dump, and the checks that fail with EPT and unrestricted guest.
    public static TheoryData<string, string, string, string> Violations => new()
    {
        { RegisterSamples.Qemu64, "", "", "" },
        { RegisterSamples.Qemu64, "00af9b00", "00ef9b00", "guest.cs.long" },
        { RegisterSamples.Qemu64, "RFL=00000002", "RFL=00000000", "guest.rflags.reserved" },
        { RegisterSamples.Qemu64, "00008b00", "00008900", "guest.tr.type" },
        { RegisterSamples.Qemu64, "CR4=000006b0", "CR4=00000690", "guest.ia32e.pae" },
        { RegisterSamples.Qemu64, "EFER=0000000000000d01", "EFER=0000000000000c01", "guest.efer.lme" },
        { RegisterSamples.Qemu64, "TR =0040", "TR =0044", "guest.tr.selector" },
        { RegisterSamples.Qemu64, "GDT=     fffffe0000001000", "GDT=     0ffffe0000001000", "guest.gdtr.base" },
        { RegisterSamples.Qemu64, "DR7=0000000000000400", "DR7=0000000100000400", "guest.dr7" },
        { RegisterSamples.Qemu32, "", "", "" },
        { RegisterSamples.Qemu32, "00cf9b00", "00cf9100", "guest.cs.type" },
        { RegisterSamples.Qemu32, "00cf9b00", "004f9b00", "guest.cs.granularity" },
        { RegisterSamples.Qemu16, "", "", "" },
        { RegisterSamples.Qemu16, "CR0=60000010", "CR0=e0000010", "guest.cr0.paging" },
        { RegisterSamples.Gdb, "", "", "" },
        { RegisterSamples.Gdb, "selector = 8, type = 11 '\\v', present = 1 '\\001', dpl = 0 '\\000', db = 0", "selector = 8, type = 11 '\\v', present = 1 '\\001', dpl = 0 '\\000', db = 1", "guest.cs.long" },
        { RegisterSamples.Gdb, "cr4 = 1712", "cr4 = 1680", "guest.ia32e.pae" },
        { RegisterSamples.Gdb, "selector = 64, type = 11", "selector = 64, type = 9", "guest.tr.type" },
        { RegisterSamples.GdbPretty, "", "", "" },
        { RegisterSamples.GdbPretty, "rflags = 0x2", "rflags = 0x0", "guest.rflags.reserved" },
        { RegisterSamples.Rust, "", "", "" },
        { RegisterSamples.Rust, "cr0: 2147811379", "cr0: 2147811378", "guest.cr0.paging" },
    };

    // A damage, and what the error must name.
    public static TheoryData<string, string, string, string> Damages => new()
    {
        { RegisterSamples.Qemu64, "CS =0008", "CS =zz08", "Line 7 " },
        { RegisterSamples.Qemu64, "CS =0008", "CS =10008", "16 bits" },
        { RegisterSamples.Qemu64, "RIP=ffffff800004ddf7", "RIP=ffffff800004ddf71", "64 bits" },
        { RegisterSamples.Qemu64, "RIP=", "XIP=", "IP is missing" },
        { RegisterSamples.Qemu64, "EFER=", "XFER=", "EFER is missing" },
        { RegisterSamples.Qemu64, "\nTR =", "\nXX =", "TR is missing" },
        { RegisterSamples.Qemu64, "0000007f\n", "0001007f\n", "16 bits" },
        { RegisterSamples.Qemu32, "CR4=00000000", "CR4=00000000 CR4=00000010", "second time" },
        { RegisterSamples.Gdb, "cr4 = 1712, ", "", "cr4 is missing" },
        { RegisterSamples.Gdb, "selector = 64", "selector = 65536", "16 bits" },
        { RegisterSamples.Gdb, "selector = 64, type = 11", "selector = 64, type = 16", "4 bits" },
        { RegisterSamples.Gdb, "cr4 = 1712", "cr4 = 17x2", "decimal" },
        { RegisterSamples.Gdb, "tr = {base", "xx = {base", "tr.type is missing" },
        { RegisterSamples.GdbPretty, "rip = 0xffffff800004ddf7", "rip = 0xffffff800004ddf7f", "64 bits" },
    };

    [Theory]
    [MemberData(nameof(Code))]
    public void ThePlaceAndTheInstructionAreNamed(string dump, string valid, string change, string expected) =>
        Assert.Contains(expected, string.Join(' ', EntryDumpReader.Read(File, Change(dump, valid, change)).Findings), StringComparison.Ordinal);

    [Theory]
    [MemberData(nameof(Violations))]
    public void AViolationInTheRegistersIsNamed(string dump, string valid, string violation, string expected)
    {
        EntryDump read = EntryDumpReader.Read(File, Change(dump, valid, violation));
        Assert.Equal(EntryMode.EptUnrestricted, read.Trials[0].Mode);
        Assert.Equal(expected, string.Join(' ', read.Check().Where(result => result.Outcome == EntryOutcome.Failed).Select(result => result.Rule.Id)));
        Assert.Equal(expected.Length == 0 ? EntryVerdict.Enters : EntryVerdict.Refused, EntryJudgement.Of(read).Verdict);
    }

    [Theory]
    [MemberData(nameof(Damages))]
    public void ADamagedDumpIsAnErrorThatNamesThePlace(string dump, string valid, string damage, string named)
    {
        VitrineException error = Assert.Throws<VitrineException>(() => EntryDumpReader.Read(File, Change(dump, valid, damage)));
        Assert.Equal(ErrorKind.User, error.Kind);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.Contains("ine ", error.What, StringComparison.Ordinal);
    }

    // One processor, printed by QEMU, by gdb in two ways, and by Rust.
    [Fact]
    public void AllFormsGiveTheSameFields()
    {
        List<(string, ulong?)> expected = Fields(RegisterSamples.Qemu64, withRip: true);
        Assert.Equal(expected, Fields(RegisterSamples.GdbPretty, withRip: true));
        expected = Fields(RegisterSamples.Qemu64, withRip: false);
        Assert.Equal(expected, Fields(RegisterSamples.Gdb, withRip: false));
        Assert.Equal(expected, Fields(RegisterSamples.Rust, withRip: false));
        Assert.Contains(("guest.gs.base", (ulong?)0xFFFF_8880_1F40_0000), expected);
        Assert.Contains(("guest.cs.access", (ulong?)0xA09B), expected);
    }

    // The reset state on a processor without unrestricted guest, and on one with it.
    [Fact]
    public void ARefusedStateThatEntersIsTriedWithoutUnrestrictedGuest()
    {
        EntryDump dump = EntryDumpReader.Read(File, Refused + RegisterSamples.Qemu16);
        Assert.Equal([EntryMode.EptUnrestricted, EntryMode.Ept], dump.Trials.Select(trial => trial.Mode));
        EntryJudgement judgement = EntryJudgement.Of(dump);
        Assert.Equal(EntryVerdict.Refused, judgement.Verdict);
        Assert.Equal(["guest.cs.base.vm86"], Failed(judgement.Results[1]));
        Assert.Empty(Failed(judgement.Results[0]));
    }

    [Fact]
    public void RegistersAloneAreTriedOnBothKindsOfProcessor() =>
        Assert.Equal([EntryMode.EptUnrestricted, EntryMode.NestedPaging], EntryDumpReader.Read(File, RegisterSamples.Qemu16).Trials.Select(trial => trial.Mode));

    [Fact]
    public void WhatRegistersDontShowIsNotChecked()
    {
        ILookup<EntryOutcome, string> outcomes = EntryDumpReader.Read(File, RegisterSamples.Gdb).Check().ToLookup(result => result.Outcome, result => result.Rule.Id);
        foreach (string id in (string[])["guest.rip", "guest.rflags.reserved", "guest.pat", "guest.dr7", "control.event.type", "guest.interruptibility.both"])
            Assert.Contains(id, outcomes[EntryOutcome.NotChecked]);
        foreach (string id in (string[])["guest.cs.type", "guest.cr4.fixed", "guest.tr.usable", "guest.efer.lma", "guest.gdtr.base"])
            Assert.Contains(id, outcomes[EntryOutcome.Passed]);
    }

    [Fact]
    public void OfSeveralPrintsTheLastCountsAndAVmcsComesBeforeRegisters()
    {
        EntryDump twice = EntryDumpReader.Read(File, RegisterSamples.Qemu64.Replace("RFL=00000002", "RFL=00000000", StringComparison.Ordinal) + "\n" + RegisterSamples.Qemu64);
        Assert.Contains("2 dumps", Assert.Single(twice.Remarks), StringComparison.Ordinal);
        Assert.Equal(EntryVerdict.Enters, EntryJudgement.Of(twice).Verdict);
        Assert.Equal("a VMCS as Linux prints it", EntryDumpReader.Read(File, $"{SampleDumps.Vmcs6}\n{Refused}{RegisterSamples.Qemu64}").Format);
        EntryDump structs = EntryDumpReader.Read(File, RegisterSamples.Gdb.Replace("cr4 = 1712", "cr4 = 1680", StringComparison.Ordinal) + RegisterSamples.Gdb);
        Assert.Contains("2 times", structs.Remarks[0], StringComparison.Ordinal);
        Assert.Equal(EntryVerdict.Enters, EntryJudgement.Of(structs).Verdict);
    }

    [Fact]
    public void AMessageWithoutRegistersIsExplainedInTheError()
    {
        VitrineException error = Assert.Throws<VitrineException>(() => EntryDumpReader.Read(File, Refused));
        Assert.Contains("invalid guest state", error.What, StringComparison.Ordinal);
        Assert.Contains("Code=", error.Remedy, StringComparison.Ordinal);
    }

    private static List<(string, ulong?)> Fields(string text, bool withRip) =>
        [.. EntryDumpReader.Read(File, text).Area.Values.Where(value => value.Field.Key is not "guest.dr7" && (withRip || value.Field.Key is not ("guest.rip" or "guest.rsp")))
            .Select(value => (value.Field.Key, value.Value))];

    private static IEnumerable<string> Failed(ImmutableArray<EntryCheckResult> results) =>
        results.Where(result => result.Outcome == EntryOutcome.Failed).Select(result => result.Rule.Id);

    private static string Change(string dump, string valid, string change)
    {
        if (valid.Length == 0) return dump;
        int at = dump.IndexOf(valid, StringComparison.Ordinal);
        Assert.True(at >= 0);
        return dump[..at] + change + dump[(at + valid.Length)..];
    }
}
