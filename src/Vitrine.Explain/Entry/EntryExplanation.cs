using System.Globalization;
using Vitrine.Explain.Fetch;
using Vitrine.Explain.Model;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Vitrine.X86.VmEntry;

namespace Vitrine.Explain.Entry;

/// <summary>What VM entry looks like for a state, in each way in which a hypervisor could run it.</summary>
internal static class EntryExplanation
{
    /// <summary>Explains the entry of a state.</summary>
    /// <param name="state">The guest's registers.</param>
    /// <param name="cpuid">What CPUID answers.</param>
    public static EntryStory Of(ProcessorState state, ReadOnlySpan<CpuidEntry> cpuid)
    {
        EntryEnvironment environment = Environment(cpuid);
        EntryCheckResult? refusal = EntryChecks.FirstFailure(state, environment);
        return new EntryStory(
            [.. Enum.GetValues<EntryMode>().Select(mode => Of(EntryChecks.Check(state, mode, environment), state))],
            refusal is null ? "" : RefusalText(refusal));
    }

    /// <summary>The processor that some CPUID leaves announce.</summary>
    public static EntryEnvironment Environment(ReadOnlySpan<CpuidEntry> cpuid) =>
        new() { PhysicalAddressBits = ProcessorLimits.From(cpuid).PhysicalAddressBits };

    /// <summary>A failed check in words.</summary>
    public static string RefusalText(EntryCheckResult failure) =>
        $"{failure.Rule.Id} ({failure.Rule.Manual}): {failure.Rule.Text} Found: {failure.Offence}. {failure.Rule.UsualCause}";

    private static EntryModeStory Of(EntryReport report, ProcessorState state) => new(
        report.Mode.Title(),
        Cr3Text(report.Mode, (state.Cr0 & Cr0.PG) != 0),
        [.. report.Controls.Select(control => new SettingFact(control.Name, control.On ? "1" : "0", control.Why, Evidence.Derived))],
        [.. report.Fields.Select(Of)],
        [.. report.Checks.Select(Of)]);

    private static EntryFieldFact Of(EntryValue field) => new(
        field.Field.Number.ToString("x4", CultureInfo.InvariantCulture),
        field.Field.Name,
        field.Value is { } value ? $"0x{value:x}" : "host's choice",
        field.Note ?? "");

    private static EntryCheckFact Of(EntryCheckResult check) => new(
        check.Rule.Id,
        check.Rule.Section,
        check.Outcome switch
        {
            EntryOutcome.Passed => "passed",
            EntryOutcome.Failed => "failed",
            EntryOutcome.NotApplicable => "not applicable",
            _ => "not checked",
        },
        check.Rule.Text,
        check.Outcome == EntryOutcome.Failed ? check.Offence : "");

    // Who uses the guest's CR3: the question that this story is about.
    private static string Cr3Text(EntryMode mode, bool paging) => (mode, paging) switch
    {
        (EntryMode.EptUnrestricted or EntryMode.NestedPaging, false) =>
            "Guest paging is off and stays off: the guest's CR3 is not used. Only the second-level table translates.",
        (EntryMode.EptUnrestricted or EntryMode.NestedPaging or EntryMode.Ept, true) =>
            "The processor walks the guest's own tables from the guest's CR3, and takes each of their addresses through the second-level table.",
        (EntryMode.Ept, false) =>
            "Paging must be on in this mode: CR3 holds an identity page that the hypervisor put into guest memory, not the guest's value.",
        (EntryMode.VmxShadow or EntryMode.SvmShadow, false) =>
            "CR3 holds the host-physical root of direct shadow pages, and paging is on: the guest's CR3 is not used.",
        _ => "CR3 holds the host-physical root of the shadow page table: the guest's CR3 is only a value that the hypervisor remembers.",
    };
}
