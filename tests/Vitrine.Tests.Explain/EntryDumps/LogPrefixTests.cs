using Vitrine.Explain.EntryDumps;
using Vitrine.X86.VmEntry;
using Xunit;

namespace Vitrine.Tests.Explain.EntryDumps;

/// <summary>What logs, terminals, mails and web pages add to the lines of a dump.</summary>
public sealed class LogPrefixTests
{
    // The forms of util-linux's dmesg, systemd's journalctl, rsyslog, Xen and mail programs; several one after the other.
    private static readonly string[] s_prefixes =
    [
        "", "[  673.850218] kvm_intel: ", "[12345.678901] ", "[  673.850218][ T1234] kvm_intel: ", "[  673.850218] [    C1] ",
        "[Mon Sep  6 21:56:48 2021] kvm_intel: ", "[Mon Sep  6 21:56:48 2021] ", "[Mo Sep  6 21:56:48 2021] ", // dmesg -T
        "[  +0.000003] ", "[Sep 6 21:56] kvm_intel: ", // dmesg -e, -H
        "[  673.850218 <    0.000010>] ", "[Mon Sep  6 21:56:48 2021 <    0.000000>] ", // dmesg -d
        "2021-09-06T21:56:48,850218+02:00 ", "2021-09-06T21:56:48,850218+02:00 kvm_intel: ", // dmesg --time-format iso
        "kern  :err   : ", "kern  :err   : [  673.850218] kvm_intel: ", "kern  :warn  : [Mon Sep  6 21:56:48 2021] ", // dmesg -x
        "kern  :err   : 2021-09-06T21:56:48,850218+02:00 kvm_intel: ",
        "<3>", "<3>[  673.850218] kvm_intel: ", "3,763,890123456,-;kvm_intel: ", // dmesg -r, /dev/kmsg
        "Sep  6 21:56:48 host kernel: [ 1524.416884] ", "Sep 06 21:56:48 host kernel: kvm_intel: ", "Sep 06 21:56:48.123456 host.example kernel: ",
        "2021-09-06T21:56:48+0200 host kernel: kvm_intel: ", "2021-09-06T21:56:48.850218+02:00 host kernel: [ 1524.416884] ",
        "Mon 2021-09-06 21:56:48 UTC host kernel: ", "Mon 2021-09-06 21:56:48 CEST host qemu-system-x86_64[1234]: ", "1630958208.850218 host kernel: ",
        "Sep 06 21:56:48 host qemu-kvm[4711]: ", "Sep 06 21:56:48 host vm@100.service[4711]: ", "[ 1524.416884] host kernel: ",
        "Sept. 06 21:56:48 host kernel: ", "\u001b[32m[  673.850218] \u001b[0m\u001b[33mkvm_intel: \u001b[0m", "^[[32m[  673.850218] ^[[0m", "#033[32mkvm_intel: #033[0m",
        "kvm [1234]: ", "[  673.850218] kvm [1234]: ", "kvm: ", "qemu-system-x86_64: ", "2021-09-06T21:56:48.850218Z qemu-system-x86_64: ",
        "2021-09-06T21:56:48.850218Z stderr F ", "qemu-1  | ", "my_vm.1 | kvm: ", "\u001b[36mqemu-1  | \u001b[0m[  673.850218] ", "(XEN) ", "(XEN) [ 3158.419563] ", "(XEN) [2021-09-06 21:56:48.123] ",
        "2021-09-06 21:56:48.123 ", "2021-09-06 21:56:48,123: ", "2021-09-06T21:56:48 ", "2021-09-06 21:56 ", // no zone
        "12:", "1234-", "12:[  673.850218] kvm_intel: ", "7:kvm: ", "9-2021-09-06 21:56:48.123 ", "console.log:12:", "/var/log/messages-13-", // grep -n, -H, -C
        "> ", "> > ", ">> ", ">", "| ", "&gt; ", "> [   12.000001] kvm_intel: ", "> > Sep  6 21:56:48 host kernel: [ 1524.416884] ",
        "> kern  :err   : [Mon Sep  6 21:56:48 2021] kvm_intel: ", ">> \u001b[32m[  +0.000003] \u001b[0m", "\t", "    ", "\u00A0\u00A0",
    ];

    private static readonly (string Name, string Text)[] s_dumps =
    [
        ("VMCS of Linux 6", SampleDumps.Vmcs6), ("VMCS of Linux 4", SampleDumps.Vmcs4), ("VMCB of Linux 6", SampleDumps.Vmcb6), ("Xen", SampleDumps.Xen),
        ("QEMU, 16 bits", RegisterSamples.Qemu16), ("QEMU, 32 bits", RegisterSamples.Qemu32), ("QEMU, 64 bits", RegisterSamples.Qemu64),
    ];

    public static TheoryData<string> Prefixes => [.. s_prefixes];

    [Theory]
    [MemberData(nameof(Prefixes))]
    public void EveryDumpReadsTheSameBehindEveryPrefix(string prefix)
    {
        foreach ((string name, string text) in s_dumps)
        {
            EntryDump plain = EntryDumpReader.Read("log.txt", text);
            foreach (string end in (string[])["\n", "\r\n"])
            {
                EntryDump read = EntryDumpReader.Read("log.txt", SampleDumps.Prefixed(text, prefix).Replace("\n", end, StringComparison.Ordinal));
                Assert.Equal((name, plain.Format, plain.Line, plain.End.Code), (name, read.Format, read.Line, read.End.Code));
                Assert.Equal(plain.Findings, read.Findings);
                Assert.Equal(Values(plain), Values(read));
            }
        }
    }

    // A log in which each line has another prefix, as dmesg -H writes them, and a mail that quotes half of it.
    [Fact]
    public void PrefixesMayChangeFromLineToLine()
    {
        foreach ((string _, string text) in s_dumps)
        {
            string mixed = string.Join('\n', text.Split('\n').Select((line, index) => s_prefixes[index * 7 % s_prefixes.Length] + line));
            Assert.Equal(Values(EntryDumpReader.Read("log.txt", text)), Values(EntryDumpReader.Read("log.txt", mixed)));
        }
    }

    // A mail breaks lines at spaces: wherever the break is, the value belongs to the name before it.
    [Fact]
    public void ValuesFoldedToTheNextLineAreRead()
    {
        foreach ((string name, string text) in s_dumps)
        {
            List<(string, ulong?)> plain = Values(EntryDumpReader.Read("log.txt", text));
            string[] lines = text.Split('\n');
            for (int i = 1; i < lines.Length; i++)
            {
                if (lines[i].Contains("***", StringComparison.Ordinal) || lines[i].Contains("Area", StringComparison.Ordinal)) continue;
                for (int at = lines[i].IndexOf(' '); at >= 0; at = lines[i].IndexOf(' ', at + 1))
                {
                    string[] folded = [.. lines];
                    folded[i] = $"{lines[i][..at]}\n{lines[i][(at + 1)..]}";
                    Assert.Equal((name, folded[i], true), (name, folded[i], plain.SequenceEqual(Values(EntryDumpReader.Read("log.txt", string.Join('\n', folded))))));
                }
            }
        }
    }

    [Theory]
    [InlineData("Sep 06 21:56:48 host kernel: CR3 = 0x1", "CR3 = 0x1")]
    [InlineData("2021-09-06T21:56:48,850218+02:00 CS:   sel=0x0010", "CS:   sel=0x0010")]
    [InlineData("2021-09-06T21:56:48,850218+02:00 extra data[0]: 0x10", "extra data[0]: 0x10")]
    [InlineData("2021-09-06T21:56:48,850218+02:00 KVM internal error. Suberror: 1", "KVM internal error. Suberror: 1")]
    [InlineData("2021-09-06T21:56:48,850218+02:00 VMEntry: intr_info=0", "VMEntry: intr_info=0")]
    [InlineData("Sep 06 21:56:48 host kvm[12]: KVM: entry failed, hardware error 0x7", "KVM: entry failed, hardware error 0x7")]
    [InlineData("2021-09-06 21:56:48.123 GDTR:                           limit=0x00000000", "GDTR:                           limit=0x00000000")]
    [InlineData("2021-09-06 21:56:48.123 VMCB Control Area:", "VMCB Control Area:")]
    [InlineData("2021-09-06 21:56:48.123 EFER =     0x0000000000000000", "EFER =     0x0000000000000000")]
    [InlineData("2021-09-06 21:56:48.123 EPT pointer = 0x1", "EPT pointer = 0x1")]
    [InlineData("2021-09-06 21:56:48.123 KVM: entry failed", "KVM: entry failed")]
    [InlineData("2021-09-06 21:56:48.123 CEST RSP = 0x1", "RSP = 0x1")]
    [InlineData("12-Interruptibility = 00000000", "Interruptibility = 00000000")]
    [InlineData("[   12.5] Code=00 &lt;66&gt; 00", "Code=00 <66> 00")]
    public void WhatBelongsToTheDumpStays(string line, string expected) => Assert.Equal(expected, LogPrefix.Strip(line));

    private static List<(string, ulong?)> Values(EntryDump dump) =>
        [.. dump.Trials.SelectMany(trial => trial.Area.Values.Select((EntryValue value) => (value.Field.Key, value.Value)))];
}
