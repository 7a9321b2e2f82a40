using System.Collections.Immutable;
using Vitrine.X86.VmEntry;

namespace Vitrine.Explain.EntryDumps;

/// <summary>How the run ended after which a dump was taken, as the dump or the program that printed it says.</summary>
/// <param name="Kind">Refused, left by an exit, or given up.</param>
/// <param name="Code">What was printed: "exit reason 0x80000021".</param>
/// <param name="Sentences">What it means.</param>
/// <param name="IsVmx">True for Intel VMX, false for AMD SVM, null where the code doesn't show it.</param>
public sealed record RunEnd(RunEndKind Kind, string Code, ImmutableArray<string> Sentences, bool? IsVmx)
{
    private const uint InvalidControls = 7;
    private const uint InvalidHostState = 8;

    /// <summary>The dump doesn't say.</summary>
    public static RunEnd NotSaid { get; } = new(RunEndKind.NotSaid, "", [], null);

    /// <summary>The program says that the entry failed, but its number is cut off, damaged, or too large.</summary>
    public static RunEnd OfUnreadableError { get; } = new(RunEndKind.Refused, "a hardware error whose number can't be read", [
        "The message says that the entry failed, but its number can't be read, so that neither the reason nor the kind of processor is known from it."], null);

    /// <summary>From the exit reason and the qualification of a VMCS.</summary>
    public static RunEnd OfVmx(uint reason, ulong qualification)
    {
        string name = VmxExitReason.Name(reason);
        if ((reason & VmxExitReason.EntryFailure) == 0)
        {
            if ((reason & VmxExitReason.Reserved) != 0)
            {
                return new(RunEndKind.NotSaid, $"exit reason 0x{reason:x}", [
                    $"Exit reason 0x{reason:x} has bits that no processor sets: the number is probably damaged, and doesn't tell how the run ended."], true);
            }

            return new(RunEndKind.Exited, $"exit reason {reason}", [
                $"The dump is of an ordinary exit (reason {reason}: {name}), so that the guest had been entered, and this was no refused entry.",
                "Only if the program that ran it says hardware error 0x7 or 0x8 was the next entry refused: " +
                "that is VMfailValid, which leaves the exit reason as it was."], true);
        }

        string? why = VmxExitReason.DescribeQualification(reason, qualification);
        string meaning = why is not null ? $"The qualification {qualification} means: {why}."
            : qualification != 0 ? $"The qualification {qualification} has no meaning in the manual for this reason."
            : (reason & 0xFFFF) == VmxExitReason.InvalidGuestState
                ? "The qualification 0 excludes the three causes that have a number: 2 PDPTEs, 3 an NMI behind STI, 4 the VMCS link pointer."
                : "The qualification is 0.";
        return new(RunEndKind.Refused, $"exit reason 0x{reason:x}", [$"Exit reason 0x{reason:x} is '{name}'.", meaning], true);
    }

    /// <summary>From the exit code of a VMCB.</summary>
    public static RunEnd OfSvm(ulong code) => SvmExitCode.IsInvalid(code)
        ? new(RunEndKind.Refused, "exit code -1", ["Exit code -1 is VMEXIT_INVALID: VMRUN found the VMCB inconsistent."], false)
        : new(RunEndKind.Exited, $"exit code 0x{code:x}", [
            $"The dump is of an ordinary exit (code 0x{code:x}: {SvmExitCode.Name(code)}), so that the guest had been entered, and this was no refused entry."], false);

    /// <summary>From the number in QEMU's "entry failed, hardware error", which is KVM's hardware_entry_failure_reason, or Xen's "VMRESUME error".</summary>
    public static RunEnd OfHardwareError(ulong code)
    {
        if (SvmExitCode.IsInvalid(code)) return OfSvm(code) with { Code = $"hardware error 0x{code:x}" };
        if (code <= uint.MaxValue && (code & VmxExitReason.EntryFailure) != 0)
        {
            // The number is an exit reason; its qualification isn't printed.
            string name = VmxExitReason.Name((uint)code);
            return new(RunEndKind.Refused, $"hardware error 0x{code:x}", [$"Hardware error 0x{code:x} is an exit reason of VMX: '{name}'."], true);
        }

        (string meaning, bool? vmx) = code switch
        {
            0 => ("Hardware error 0x0 is no reason: mostly KVM itself runs in a virtual machine, and the hypervisor below refused without saying why.", (bool?)null),
            InvalidControls => ("Hardware error 0x7 is VM-instruction error 7: invalid control fields. KVM sets them, not the guest.", true),
            InvalidHostState => ("Hardware error 0x8 is VM-instruction error 8: invalid host-state fields. KVM sets them, not the guest.", true),
            _ => ($"Hardware error 0x{code:x} is a VM-instruction error of VMX, or a code of KVM's own.", null),
        };
        return new(RunEndKind.Refused, $"hardware error 0x{code:x}", [meaning], vmx);
    }
}
