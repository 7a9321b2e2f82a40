using Vitrine.Explain.EntryDumps;
using Xunit;

namespace Vitrine.Tests.Explain.EntryDumps;

/// <summary>
/// What a dump says of how the run ended, and how that goes together with what the checks say (SDM vol. 3, 26.8 and appendix C; APM vol. 2, appendix C).
/// </summary>
public sealed class RunEndTests
{
    private const string Reason = "reason=0000000c qualification=0000000000000000";
    private const string Contradiction = "This is a contradiction";

    // A valid dump, what it has instead of its exit, the verdict, and texts that must be there.
    public static TheoryData<string, string, string, EntryVerdict, string[]> Ends => new()
    {
        { "vmx", Reason, Reason, EntryVerdict.Enters, ["No check fails", "ordinary exit (reason 12: HLT)", "no refused entry"] },
        { "vmx", Reason, "reason=00000030 qualification=0000000000000181", EntryVerdict.Enters, ["reason 48: EPT violation", "no refused entry"] },
        { "vmx", Reason, "reason=80000021 qualification=0000000000000000", EntryVerdict.Unexplained,
            [Contradiction, "exit reason 0x80000021", "VM-entry failure due to invalid guest state", "'VMCS link pointer': guest.link-pointer.", "MSR-load areas", "excludes"] },
        { "vmx", Reason, "reason=80000021 qualification=0000000000000002", EntryVerdict.Unexplained, [Contradiction, "qualification 2", "PDPTEs"] },
        { "vmx", Reason, "reason=80000021 qualification=0000000000000003", EntryVerdict.Unexplained, [Contradiction, "qualification 3", "NMI", "STI"] },
        { "vmx", Reason, "reason=80000021 qualification=0000000000000004", EntryVerdict.Unexplained, [Contradiction, "qualification 4", "link pointer"] },
        { "vmx", Reason, "reason=80000022 qualification=0000000000000003", EntryVerdict.Unexplained, [Contradiction, "MSR loading", "entry 3 of the MSR-load area"] },
        // Bits 16 to 24 and 30 are never set; bit 27, an exit from an enclave, may be.
        { "vmx", Reason, "reason=00010002 qualification=0000000000000000", EntryVerdict.Enters, ["0x10002", "bits that no processor sets", "No check fails"] },
        { "vmx", Reason, "reason=48000002 qualification=0000000000000000", EntryVerdict.Enters, ["0x48000002", "bits that no processor sets"] },
        { "vmx", Reason, "reason=08000030 qualification=0000000000000000", EntryVerdict.Enters, ["EPT violation", "no refused entry"] },
        { "vmx", Reason, "reason=80000029 qualification=0000000000000000", EntryVerdict.Unexplained, [Contradiction, "machine-check"] },
        { "xen", Reason, "reason=80000021 qualification=0000000000000000", EntryVerdict.Unexplained, [Contradiction, "as Xen prints it"] },
        { "svm", "exit_code:          00000078", "exit_code:          00000078", EntryVerdict.Enters, ["ordinary exit (code 0x78: HLT)", "no refused entry"] },
        { "svm", "exit_code:          00000078", "exit_code:          0000000000000400", EntryVerdict.Enters, ["nested page fault", "no refused entry"] },
        { "svm", "exit_code:          00000078", "exit_code:          ffffffff", EntryVerdict.Unexplained, [Contradiction, "exit code -1", "VMEXIT_INVALID", "ASIDs"] },
        { "svm", "exit_code:          00000078", "exit_code:          ffffffffffffffff", EntryVerdict.Unexplained, [Contradiction, "exit code -1"] },
    };

    // Numbers of KVM's hardware_entry_failure_reason.
    public static TheoryData<string, EntryVerdict, string[]> Announcements => new()
    {
        { "KVM: entry failed, hardware error 0x80000021", EntryVerdict.Unexplained, ["hardware error 0x80000021", "invalid guest state", "without unrestricted guest"] },
        { "KVM: entry failed, hardware error 0xffffffff", EntryVerdict.Unexplained, ["VMEXIT_INVALID", "AMD SVM, nested paging"] },
        { "KVM: entry failed, hardware error 0xffffffffffffffff", EntryVerdict.Unexplained, ["VMEXIT_INVALID"] },
        { "KVM: entry failed, hardware error 0x7", EntryVerdict.Unexplained, ["VM-instruction error 7", "invalid control fields"] },
        { "KVM: entry failed, hardware error 0x8", EntryVerdict.Unexplained, ["VM-instruction error 8", "host-state"] },
        { "KVM: entry failed, hardware error 0x0", EntryVerdict.Unexplained, ["Hardware error 0x0 is no reason", "in a virtual machine"] },
        { "kvm: unhandled exit 80000021", EntryVerdict.Unexplained, ["invalid guest state"] },
        { "KVM internal error. Suberror: 1\nemulation failure", EntryVerdict.Enters, ["emulate", "movaps", "no refused entry"] },
        { "KVM internal error. Suberror: 1\nextra data[0]: 0x0000000000000000\nextra data[1]: 0x0000000000000030\nextra data[2]: 0x0000000000000584",
            EntryVerdict.Enters, ["'EPT violation' (reason 48 of VMX)"] },
        { "KVM internal error. Suberror: 1\nextra data[0]: 0x0000000000000001\nextra data[1]: 0x90909007290f000f\nextra data[2]: 0x9090909090909090\nextra data[3]: 0x31",
            EntryVerdict.Enters, ["'EPT misconfiguration' (reason 49 of VMX)"] },
        { "KVM internal error. Suberror: 1\nextra data[0]: 0x0\nextra data[1]: 0x0000000000000400", EntryVerdict.Enters, ["'nested page fault' (code 0x400 of SVM)"] },
        { "KVM internal error. Suberror: 2\nextra data[0]: 80000202\nextra data[1]: 80000b0d", EntryVerdict.Enters, ["While delivered: NMI with vector 2", "The new one: exception with vector 13"] },
        { "KVM internal error. Suberror: 3\nextra data[0]: 0x0000000080000b0e\nextra data[1]: 0x31\nextra data[2]: 0x0981\nextra data[3]: 0x000000000002b570",
            EntryVerdict.Enters, ["delivering an event", "exception with vector 14", "EPT misconfiguration", "guest-physical address 0x2b570"] },
        { "KVM internal error. Suberror: 4\nextra data[0]: 0x4a\nextra data[1]: 3", EntryVerdict.Enters, ["doesn't know", "'bus lock'"] },
        { "KVM internal error. Suberror: 9", EntryVerdict.Enters, ["none of the four"] },
        { "", EntryVerdict.Enters, ["No check fails"] },
    };

    // Messages that say refused, with a number that is folded away, cut off, damaged, or too large, or in another case.
    public static TheoryData<string, string> Refusals => new()
    {
        { "KVM: entry failed, hardware\nerror 0x80000021", "invalid guest state" },
        { "KVM: entry\nfailed, hardware error 0x80000021", "invalid guest state" },
        { "> KVM: entry failed, hardware error\n> 0x80000021", "invalid guest state" },
        { "KVM:\nentry\nfailed,\nhardware\nerror\n0x80000021", "invalid guest state" },
        { "KVM: ENTRY FAILED, HARDWARE ERROR 0X80000021", "invalid guest state" },
        { "kvm: entry failed, Hardware Error 0xFFFFFFFF", "VMEXIT_INVALID" },
        { "d1v0 vmresume\nerror: 0x7", "VM-instruction error 7" },
        { "KVM: entry failed, hardware error 0x", "can't be read" },
        { "KVM: entry failed, hardware error", "can't be read" },
        { "KVM: entry failed, hardware err", "can't be read" },
        { "KVM: entry failed, hard", "can't be read" },
        { "KVM: entry failed", "can't be read" },
        { "KVM: ENTRY\nFAILED", "can't be read" },
        { "entry failed, hardware error 0xzz", "can't be read" },
        { "KVM: entry failed, hardware error 0xzz", "can't be read" },
        { "KVM: entry failed, hardware error 0x8000zz21", "can't be read" },
        { "KVM: entry failed, hardware error 2147483681", "can't be read" },
        { "KVM: entry failed, hardware error -1", "can't be read" },
        { "KVM: entry failed, hardware error 0x1ffffffffffffffff", "can't be read" },
        { "<b>KVM: entry failed</b>, hardware error 0x 80000021", "can't be read" },
        { "kvm: unhandled exit", "can't be read" },
        { "kvm: unhandled exit 8000002z", "can't be read" },
        { "d1v0 VMRESUME error: 0xq", "can't be read" },
        { "d1v0 VMLAUNCH error:", "can't be read" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void AMessageOfRefusalCountsHoweverItsNumberIsSpoilt(string message, string meaning)
    {
        AssertJudged($"{message}\n{RegisterSamples.Qemu64}", EntryVerdict.Unexplained, [meaning, Contradiction]);
        AssertJudged(RegisterSamples.Qemu64.Replace("\nES =", $"\n{message}\nES =", StringComparison.Ordinal), EntryVerdict.Unexplained, [meaning]);
        AssertJudged($"{message}\n{RegisterSamples.Gdb}", EntryVerdict.Unexplained, [meaning]);
    }

    // Neither QEMU nor Xen says these of an entry.
    [Theory]
    [InlineData("mce: [Hardware Error]: Machine check events logged")]
    [InlineData("{1}[Hardware Error]: Hardware error from APEI Generic Hardware Error Source: 0")]
    [InlineData("Loading the boot entry failed")]
    [InlineData("service: unhandled exit of a child")]
    [InlineData("the hardware has no error")]
    public void OtherFailuresAreNoRefusal(string message) => AssertJudged($"{message}\n{RegisterSamples.Qemu64}", EntryVerdict.Enters, ["No check fails"]);

    [Theory]
    [MemberData(nameof(Ends))]
    public void WhatTheDumpSaysOfItsEndIsToldAndWeighed(string kind, string valid, string end, EntryVerdict verdict, string[] parts)
    {
        string dump = kind switch { "vmx" => SampleDumps.Vmcs6, "xen" => SampleDumps.Xen, _ => SampleDumps.Vmcb6 };
        Assert.Contains(valid, dump, StringComparison.Ordinal);
        AssertJudged(dump.Replace(valid, end, StringComparison.Ordinal), verdict, parts);
    }

    [Theory]
    [MemberData(nameof(Announcements))]
    public void WhatQemuPrintsBeforeTheRegistersIsToldAndWeighed(string announcement, EntryVerdict verdict, string[] parts)
    {
        AssertJudged($"{announcement}\n{RegisterSamples.Qemu64}", verdict, parts);
        // Of several vCPUs that fail at once the messages come between the registers.
        AssertJudged(RegisterSamples.Qemu64.Replace("\nES =", $"\n{announcement}\nES =", StringComparison.Ordinal), verdict, parts);
    }

    // VMfailValid leaves the exit reason of the exit before in the VMCS.
    [Theory]
    [InlineData("d1v0 VMRESUME error: 0x7")]
    [InlineData("KVM: entry failed, hardware error 0x7")]
    public void AMessageOfRefusalBesideADumpOfAnOrdinaryExitCounts(string message) =>
        AssertJudged($"{message}\n{SampleDumps.Xen}", EntryVerdict.Unexplained, ["VM-instruction error 7", Contradiction]);

    [Fact]
    public void ACheckThatFailsNeedsNoContradiction() => AssertJudged(
        SampleDumps.Vmcs4, EntryVerdict.Refused, ["The processor refuses a VMCS as Linux prints it: exit reason 0x80000021.", "guest.cs.base.vm86"]);

    [Theory]
    [InlineData("""{"schema":"vitrine.entry/1","kind":"vmx","fields":{}}""")]
    [InlineData("""{"schema":"vitrine.entry/1","kind":"svm","fields":{"guest.rip":"0x0"}}""")]
    [InlineData("""{"schema":"vitrine.entry/1","kind":"vmx","fields":{"guest.cr0":"0x80050033","guest.rflags":"0x2"}}""")]
    public void ANearlyEmptyDumpIsTooLittle(string json) => AssertJudged(json, EntryVerdict.TooLittle, ["Too little to judge"]);

    [Fact]
    public void ANearlyEmptyDumpWithAViolationIsRefused() => AssertJudged(
        """{"schema":"vitrine.entry/1","kind":"vmx","fields":{"guest.rflags":"0x0"}}""", EntryVerdict.Refused, ["guest.rflags.reserved"]);

    private static void AssertJudged(string text, EntryVerdict verdict, string[] parts)
    {
        EntryDump dump = EntryDumpReader.Read("log.txt", text);
        EntryJudgement judgement = EntryJudgement.Of(dump);
        StringWriter output = new();
        EntryCheckOutput.WriteText(dump, judgement, all: false, output);
        string told = output.ToString().ReplaceLineEndings(" ");
        Assert.Equal((verdict, told), (judgement.Verdict, told));
        foreach (string part in parts) Assert.Contains(part, told, StringComparison.Ordinal);
    }
}
