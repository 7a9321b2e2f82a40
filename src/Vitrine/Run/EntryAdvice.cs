using Vitrine.X86.State;
using Vitrine.X86.VmEntry;

namespace Vitrine.Run;

/// <summary>From an entry that the processor refused to the check behind it.</summary>
internal static class EntryAdvice
{
    /// <summary>Explains a refused entry.</summary>
    /// <param name="reason">The hardware's reason: an exit reason of VMX with bit 31, an exit code of SVM, or a VM-instruction error.</param>
    /// <param name="failure">The check that failed, where the accelerator knows it.</param>
    /// <param name="state">The state that was refused, to look for the check where the accelerator doesn't know it.</param>
    internal static string Explain(uint reason, EntryCheckResult? failure, ProcessorState state)
    {
        string refused = $"The CPU refused to enter the guest (hardware reason 0x{reason:x}).";
        if (failure is not null) return $"{refused} {Describe(failure)}";

        // The host's processor doesn't say which check it was, and its VMCS can't be read; but most of it is made from these registers.
        EntryCheckResult? probable = reason == EntryRefusals.InvalidGuestState ? EntryChecks.FirstFailure(state) : null;
        return probable is not null
            ? $"{refused} From its registers it is probably this check. {Describe(probable)}"
            : $"{refused} The guest's registers are probably in a combination that this CPU can't run. " +
              "With kvm_intel.dump_invalid_vmcs=1 (kvm_amd.dump_invalid_vmcb=1) the kernel logs the state, and 'vitrine check-entry' names the check.";
    }

    private static string Describe(EntryCheckResult failure) =>
        $"Check {failure.Rule.Id} ({failure.Rule.Manual}): {failure.Rule.Text} Here {failure.Offence}. Usual cause: {failure.Rule.UsualCause}";
}
