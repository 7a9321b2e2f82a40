using System.Collections.Immutable;
using System.Text;
using Vitrine.Errors;
using Vitrine.Explain.EntryDumps;
using Vitrine.Tests.X86.VmEntry;
using Vitrine.X86.State;
using Vitrine.X86.VmEntry;
using Xunit;

namespace Vitrine.Tests.Explain.EntryDumps;

/// <summary>Dumps of several kernels, as they come, damaged, cut off, and not dumps at all.</summary>
public sealed class EntryDumpTests
{
    private const string File = "log.txt";

    // A change of a text that is valid, and the check that fails then.
    public static TheoryData<string, string, string, string> Violations => new()
    {
        { SampleDumps.Vmcs6, "attr=0x0a09b", "attr=0x0e09b", "guest.cs.long" },
        { SampleDumps.Vmcs6, "RFLAGS=0x00000002", "RFLAGS=0x00000000", "guest.rflags.reserved" },
        { SampleDumps.Vmcs6, "attr=0x0008b", "attr=0x00089", "guest.tr.type" },
        { SampleDumps.Vmcs6, "EFER= 0x0000000000000d01", "EFER= 0x0000000000000c01", "guest.efer.lme" },
        { SampleDumps.Vmcs6, "CR4: actual=0x0000000000002060", "CR4: actual=0x0000000000002040", "guest.ia32e.pae" },
        { SampleDumps.Vmcs6, "intr_info=00000000 errcode=00000000 ilen=00000000", "intr_info=80000100 errcode=00000000 ilen=00000000", "control.event.type" },
        { SampleDumps.Vmcs6, "CS=0010 SS=0018", "CS=0000 SS=0018", "host.cs.null" },
        { SampleDumps.Vmcs6, "Virtual processor ID = 0x0001", "Virtual processor ID = 0x0000", "control.vpid" },
        { SampleDumps.Vmcs6, "EPT pointer = 0x000000011fffc05e", "EPT pointer = 0x000000011fffc001", "control.ept-pointer.memory-type control.ept-pointer.walk-length" },
        { SampleDumps.Vmcs6, "CS:RIP=0010:ffffffff81a00000", "CS:RIP=0010:0fffffff81a00000", "guest.sysenter-eip" },
        { SampleDumps.Vmcb6, "efer:          0000000000001000", "efer:          0000000000000000", "guest.efer.svme" },
        { SampleDumps.Vmcb6, "asid:               1", "asid:               0", "control.asid" },
        { SampleDumps.Vmcb6, "bdcc802f 00002e7f", "bdcc802f 00002e7e", "control.vmrun-intercept" },
        { SampleDumps.Vmcb4, "00002e7fbdcc802f", "00002e7ebdcc802f", "control.vmrun-intercept" },
        { SampleDumps.Vmcb6, "event_inj:          00000000", "event_inj:          80000300", "" },
        { SampleDumps.Vmcb6, "event_inj:          00000000", "event_inj:          80000302", "control.event" },
        { SampleDumps.Vmcb6, "cr0:            0000000000000010", "cr0:            0000000020000010", "guest.cr0.cache" },
    };

    // A damage of a text that is valid, and what the error must name.
    public static TheoryData<string, string, string, string> Damages => new()
    {
        { SampleDumps.Vmcs6, "attr=0x0a09b", "attr=0x0a0zz", "Line 11 " },
        { SampleDumps.Vmcs6, "attr=0x0a09b", "attr=0x1ffffffff", "32 bits" },
        { SampleDumps.Vmcs6, "RIP = 0xffffffff81000000", "RIP = 0xffffffff810000000", "64 bits" },
        { SampleDumps.Vmcs6, "sel=0x0010", "sel=0x10010", "16 bits" },
        { SampleDumps.Vmcs6, "RIP = 0xffffffff81000000", "RIP = -1", "'-1'" },
        { SampleDumps.Vmcs6, "RIP = 0xffffffff81000000", "RIP = 0x", "'0x'" },
        { SampleDumps.Vmcs6, "CS:RIP=0010:ffffffff81a00000", "CS:RIP=0010", "colon" },
        { SampleDumps.Vmcs6, "CR3 = 0x0000000000100000", "CR3 = 0x0000000000100000\nCR3 = 0x0000000000200000", "second time" },
        { SampleDumps.Vmcs6, "*** Control State ***", "", "'*** Control State ***' is missing" },
        { SampleDumps.Vmcs6, "TR:   sel", "XX:   sel", "TR is missing" },
        { SampleDumps.Vmcb6, "asid:               1", "asid:               -1", "decimal" },
        { SampleDumps.Vmcb6, "asid:               1", "asid:               4294967296", "32 bits" },
        { SampleDumps.Vmcb6, "cr_read:            0011", "cr_read:            10011", "16 bits" },
        { SampleDumps.Vmcb6, "a: 009b", "a: 0b9x", "Line 34 " },
        { SampleDumps.Vmcb6, "a: 009b", "a: 1009b", "16 bits" },
        { SampleDumps.Vmcb6, "VMCB State Save Area:", "", "VMCB State Save Area" },
        { SampleDumps.Vmcb6, "nested_ctl:         1\n", "", "nested_ctl is missing" },
        { SampleDumps.Vmcb6, "event_inj:          00000000\n", "event_inj:          00000000\nevent_inj:          00000001\n", "second time" },
    };

    public static TheoryData<string, string> BadJson => new()
    {
        { "{", "Line 1" },
        { "{}", "\"schema\"" },
        { """{"schema":"vitrine.entry/2","kind":"vmx","fields":{}}""", "vitrine.entry/1" },
        { """{"schema":"vitrine.entry/1","kind":"arm","fields":{}}""", "\"kind\"" },
        { "{\"schema\":\"vitrine.entry/1\",\"kind\":\"vmx\",\n\"fields\":{\n\"guest.cr9\":\"0x1\"}}", "Line 3" },
        { "{\"schema\":\"vitrine.entry/1\",\"kind\":\"vmx\",\n\"fields\":{\n\"guest.cr0\":\"0xg\"}}", "Line 3" },
        { """{"schema":"vitrine.entry/1","kind":"vmx","fields":{"guest.cs.selector":"0x10000"}}""", "16 bits" },
        { """{"schema":"vitrine.entry/1","kind":"vmx","fields":{"guest.cr0":1}}""", "$.fields" },
        { """{"schema":"vitrine.entry/1","kind":"vmx","fields":{"guest.cr0":"-1"}}""", "'-1'" },
        { """{"schema":"vitrine.entry/1","kind":"svm","fields":{"guest.cr0":"1","guest.cr0":"2"}}""", "Line 1" },
        { """{"schema":"vitrine.entry/1","kind":"svm","physicalAddressBits":64,"fields":{}}""", "32 to 52" },
        { """{"schema":"vitrine.entry/1","kind":"svm","fields":null}""", "Line 1" },
        { """{"schema":"vitrine.entry/1","kind":"svm","fields":{},"more":[[[[[[[[[[]]]]]]]]]]}""", "Line 1" },
    };

    [Fact]
    public void EveryFieldIsReadFromItsPlace()
    {
        EntryDump dump = EntryDumpReader.Read(File, SampleDumps.Vmcs6);
        Assert.Equal(2, dump.Line);
        Vmcs vmcs = Assert.IsType<Vmcs>(dump.Area);
        foreach ((VmcsField field, ulong value) in ((VmcsField, ulong)[])
        [
            (VmcsField.GuestCr0, 0x8005_0033), (VmcsField.Cr0Mask, 0xFFFF_FFFF_FFFE_FFF7), (VmcsField.GuestCr4, 0x2060), (VmcsField.Cr4Shadow, 0x20),
            (VmcsField.GuestRip, 0xFFFF_FFFF_8100_0000), (VmcsField.HostRip, 0xFFFF_FFFF_C0B1_6277), (VmcsField.GuestDr7, 0x400),
            (VmcsField.GuestSysenterCs, 0x10), (VmcsField.GuestSysenterEip, 0xFFFF_FFFF_81A0_0000), (VmcsField.HostSysenterEip, 0xFFFF_FFFF_81A0_15E0),
            (VmcsField.GuestCsAccess, 0xA09B), (VmcsField.GuestGsBase, 0xFFFF_8880_1F40_0000), (VmcsField.GuestGdtrLimit, 0x7F),
            (VmcsField.GuestIdtrBase, 0xFFFF_FE00_0000_0000), (VmcsField.GuestTrBase, 0xFFFF_FE00_0000_3000), (VmcsField.HostTrSelector, 0x40),
            (VmcsField.HostTrBase, 0xFFFF_FE00_0010_3000), (VmcsField.HostCr4, 0x3726E0), (VmcsField.PrimaryControls, 0xB5A0_6DFA),
            (VmcsField.SecondaryControls, 0xA2), (VmcsField.EntryControls, 0xD3FF), (VmcsField.ExceptionBitmap, 0x60042),
            (VmcsField.EntryInstructionLength, 0), (VmcsField.VirtualApicAddress, 0x1_1ADE_6000), (VmcsField.EptPointer, 0x1_1FFF_C05E), (VmcsField.Vpid, 1),
        ])
        {
            Assert.True(vmcs.TryGet(field, out ulong read), $"{field} was not read");
            Assert.Equal((field, value), (field, read));
        }
    }

    [Fact]
    public void ADumpThatEntersFailsNothingAndSaysWhatItLacks()
    {
        ImmutableArray<EntryCheckResult> results = EntryDumpReader.Read(File, SampleDumps.Vmcs6).Check();
        Assert.Empty(results.Where(result => result.Outcome == EntryOutcome.Failed).Select(result => result.Rule.Id));
        // Linux prints neither the link pointer nor the MSR bitmaps' address; the CR3-target count only up to 5.8.
        Assert.Equal(
            ["control.cr3-target-count", "control.msr-bitmaps", "guest.link-pointer"],
            results.Where(result => result.Outcome == EntryOutcome.NotChecked).Select(result => result.Rule.Id));
        results = EntryDumpReader.Read(File, SampleDumps.Vmcb6).Check();
        Assert.All(results, result => Assert.NotEqual(EntryOutcome.Failed, result.Outcome));
        Assert.Equal(results.Select(result => result.Outcome), EntryDumpReader.Read(File, SampleDumps.Vmcb4).Check().Select(result => result.Outcome));
    }

    // The reset state on a processor without unrestricted guest: what the module parameter emulate_invalid_guest_state=0 leads to.
    [Fact]
    public void AnOldKernelsDumpOfRealModeNamesTheBaseOfCs()
    {
        EntryCheckResult failure = Assert.Single(
            EntryDumpReader.Read(File, SampleDumps.Prefixed(SampleDumps.Vmcs4, "[  100.000000] ")).Check(), result => result.Outcome == EntryOutcome.Failed);
        Assert.Equal("guest.cs.base.vm86", failure.Rule.Id);
        Assert.Equal("Guest CS base = 0xffff0000", failure.Offence);
    }

    [Theory]
    [MemberData(nameof(Violations))]
    public void AViolationInADumpIsNamed(string dump, string valid, string violation, string expected)
    {
        Assert.Contains(valid, dump, StringComparison.Ordinal);
        int at = dump.IndexOf(valid, StringComparison.Ordinal);
        string text = dump[..at] + violation + dump[(at + valid.Length)..];
        Assert.Equal(
            expected.Split(' ', StringSplitOptions.RemoveEmptyEntries),
            EntryDumpReader.Read(File, text).Check().Where(result => result.Outcome == EntryOutcome.Failed).Select(result => result.Rule.Id));
    }

    [Theory]
    [MemberData(nameof(Damages))]
    public void ADamagedDumpIsAnErrorThatNamesThePlace(string dump, string valid, string damage, string named)
    {
        int at = dump.IndexOf(valid, StringComparison.Ordinal);
        Assert.True(at >= 0);
        VitrineException error = Assert.Throws<VitrineException>(() => EntryDumpReader.Read(File, dump[..at] + damage + dump[(at + valid.Length)..]));
        Assert.Equal(ErrorKind.User, error.Kind);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.Contains("ine ", error.What, StringComparison.Ordinal);
    }

    // Wherever the log ends: an error, or what is there is checked; never anything else.
    [Fact]
    public void ADumpCutOffAnywhereIsAnErrorOrADump()
    {
        foreach (string dump in (string[])[SampleDumps.Vmcs6, SampleDumps.Vmcs4, SampleDumps.Vmcb6, EntryJson.Write(EntryAreas.Long())])
        {
            int whole = 0;
            for (int length = 0; length < dump.Length; length++)
            {
                try
                {
                    EntryDumpReader.Read(File, dump[..length]).Check();
                    whole++;
                }
                catch (VitrineException)
                {
                    // Expected of most.
                }
            }

            Assert.InRange(whole, 0, dump.Length / 2);
        }
    }

    [Fact]
    public void OfSeveralDumpsTheLastWholeOneIsTaken()
    {
        string cut = SampleDumps.Vmcs6[..SampleDumps.Vmcs6.IndexOf("*** Control", StringComparison.Ordinal)];
        EntryDump dump = EntryDumpReader.Read(File, $"noise\n{SampleDumps.Vmcs6}\nnoise\n{SampleDumps.Vmcb6}\n{cut}");
        Assert.IsType<Vmcb>(dump.Area);
        Assert.Equal(51, dump.Line); // a line of noise, 47 of the VMCS, noise, the line with the address
        Assert.Contains("3 dumps", Assert.Single(dump.Remarks), StringComparison.Ordinal);
        Assert.Contains("line 51", dump.Remarks[0], StringComparison.Ordinal);
    }

    // A mail program breaks lines; other messages come between.
    [Fact]
    public void BrokenLinesAndOtherMessagesDoNoHarm()
    {
        string text = SampleDumps.Vmcs6
            .Replace(", limit=0xffffffff, base", ", limit=0xffffffff,\nbase", StringComparison.Ordinal)
            .Replace(" gh_mask=", "\n gh_mask=", StringComparison.Ordinal)
            .Replace("CR3=00000001cf27f000 CR4", "CR3=00000001cf27f000\nCR4", StringComparison.Ordinal)
            .Replace("*** Host", "nla_parse: 28 callbacks suppressed, a=b x = y\n*** Host", StringComparison.Ordinal);
        Assert.All(EntryDumpReader.Read(File, text).Check(), result => Assert.NotEqual(EntryOutcome.Failed, result.Outcome));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n\n")]
    [InlineData("hello")]
    [InlineData("(XEN) CR0: actual=0x0000000080000033, shadow=0x0000000080000033, gh_mask=ffffffffffffffff")]
    [InlineData("[1, 2]")]
    public void WhatIsNoDumpIsTold(string text)
    {
        VitrineException error = Assert.Throws<VitrineException>(() => EntryDumpReader.Read(File, text));
        Assert.Contains("Guest State", error.What, StringComparison.Ordinal);
    }

    [Fact]
    public void BinaryAndHugeFilesAreTold()
    {
        Assert.Contains("binary", Assert.Throws<VitrineException>(() => Read([0x7F, 0x45, 0, 1])).What, StringComparison.Ordinal);
        Assert.Contains("4 MiB", Assert.Throws<VitrineException>(() => Read(new byte[EntryDumpReader.MaximumLength + 1])).What, StringComparison.Ordinal);
        byte[] line = new byte[EntryDumpReader.MaximumLength];
        line.AsSpan().Fill((byte)'a');
        Encoding.ASCII.GetBytes("*** Guest State ***\n", line);
        Assert.Contains("cut off", Assert.Throws<VitrineException>(() => Read(line)).What, StringComparison.Ordinal);
    }

    [Fact]
    public void JsonIsReadBackAsItWasWritten()
    {
        foreach (EntryMode mode in Enum.GetValues<EntryMode>())
        {
            ProcessorState state = ResetState.Create(0, 0x663);
            EntryArea area = mode.IsVmx() ? VmcsBuilder.Build(state, mode) : VmcbBuilder.Build(state, mode);
            EntryDump dump = EntryDumpReader.Read(File, EntryJson.Write(area, new EntryEnvironment { PhysicalAddressBits = 39 }));
            Assert.Equal(39, dump.Environment.PhysicalAddressBits);
            Assert.Equal(area.Values.Select(value => (value.Field, value.Value)), dump.Area.Values.Select(value => (value.Field, value.Value)));
            Assert.Equal(
                EntryChecks.Check(state, mode, dump.Environment).Checks.Select(check => (check.Rule, check.Outcome)),
                dump.Check().Select(check => (check.Rule, check.Outcome)));
        }
    }

    [Theory]
    [MemberData(nameof(BadJson))]
    public void BadJsonIsTold(string text, string named)
    {
        VitrineException error = Assert.Throws<VitrineException>(() => EntryDumpReader.Read(File, text));
        Assert.Equal(ErrorKind.User, error.Kind);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TextFitsAHundredColumns()
    {
        foreach (string text in (string[])[
            SampleDumps.Vmcs4, SampleDumps.Vmcs6, SampleDumps.Vmcb6, SampleDumps.Xen, RegisterSamples.Qemu16, RegisterSamples.Qemu64,
            RegisterSamples.Gdb, "KVM: entry failed, hardware error 0x80000021\n" + RegisterSamples.Qemu32, """{"schema":"vitrine.entry/1","kind":"vmx","fields":{}}"""])
        {
            StringWriter output = new();
            EntryDump dump = EntryDumpReader.Read(File, text);
            EntryCheckOutput.WriteText(dump, EntryJudgement.Of(dump), all: true, output);
            Assert.All(output.ToString().Split('\n'), line => Assert.InRange(line.Length, 0, 100));
        }
    }

    private static EntryDump Read(byte[] bytes) => EntryDumpReader.Read(File, new MemoryStream(bytes));
}
