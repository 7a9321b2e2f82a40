using System.Collections.Immutable;
using Vitrine.X86.VmEntry;

namespace Vitrine.Explain.EntryDumps;

/// <summary>What "KVM internal error. Suberror: N" and its "extra data" mean (KVM_EXIT_INTERNAL_ERROR; the data are those of KVM on Intel).</summary>
internal static class InternalError
{
    private const ulong HasInstructionBytes = 1;
    private const ulong EventValid = 1UL << 31;
    private const ulong LastVmxReason = 77;

    private static readonly string[] s_eventTypes =
        ["external interrupt", "reserved event", "NMI", "exception", "software interrupt", "privileged software exception", "software exception", "other event"];

    /// <summary>What it means.</summary>
    /// <param name="suberror">The number.</param>
    /// <param name="data">The extra data, by index; missing ones are null.</param>
    public static RunEnd Describe(ulong suberror, IReadOnlyList<ulong?> data)
    {
        ImmutableArray<string> sentences = suberror switch
        {
            1 => ["KVM internal error 1: KVM had to emulate the instruction at CS:RIP, and its emulator couldn't (KVM_INTERNAL_ERROR_EMULATION).",
                "KVM emulates where the guest touches memory that nobody backs with RAM, such as a device's, and where the processor can't run the mode.",
                .. EmulationData(data)],
            2 => ["KVM internal error 2: one exception came up while another was delivered, in a way that KVM doesn't expect (KVM_INTERNAL_ERROR_SIMUL_EX).",
                .. Event("While delivered", data, 0), .. Event("The new one", data, 1)],
            3 => ["KVM internal error 3: the processor left the guest in the midst of delivering an event, for a reason that KVM can't resume from " +
                "(KVM_INTERNAL_ERROR_DELIVERY_EV): mostly the IDT, the GDT, the TSS or the handler's stack is not in RAM.",
                .. Event("While delivered", data, 0), .. Reason(data, 1), .. Address(data)],
            4 => ["KVM internal error 4: the processor left the guest for a reason that KVM doesn't know (KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON).",
                .. Reason(data, 0)],
            _ => [$"KVM internal error {suberror} is none of the four that KVM documents " +
                "(1 emulation, 2 simultaneous exceptions, 3 event delivery, 4 unexpected exit)."],
        };
        return new(RunEndKind.InternalError, $"KVM internal error {suberror}", [.. sentences, "The guest had been entered: this was no refused entry."], null);
    }

    // From Linux 5.15 on: flags, with flag 0 the length and 15 bytes of the instruction in two words, then the exit's reason, information and event.
    private static IEnumerable<string> EmulationData(IReadOnlyList<ulong?> data)
    {
        if (At(data, 0) is not { } flags) return [];
        return Reason(data, (flags & HasInstructionBytes) != 0 ? 3 : 1);
    }

    private static IEnumerable<string> Reason(IReadOnlyList<ulong?> data, int index)
    {
        if (At(data, index) is not { } reason) yield break;
        // The two sets of numbers overlap only in exceptions that KVM doesn't give up on.
        yield return reason <= LastVmxReason
            ? $"The exit was '{VmxExitReason.Name((uint)reason)}' (reason {reason} of VMX)."
            : $"The exit was '{SvmExitCode.Name(reason)}' (code 0x{reason:x} of SVM).";
    }

    private static IEnumerable<string> Address(IReadOnlyList<ulong?> data)
    {
        // Present for EPT violations and misconfigurations.
        if (At(data, 1) is 48 or 49 && At(data, 3) is { } address) yield return $"The access was to guest-physical address 0x{address:x}.";
    }

    private static IEnumerable<string> Event(string when, IReadOnlyList<ulong?> data, int index)
    {
        if (At(data, index) is { } info && (info & EventValid) != 0)
            yield return $"{when}: {s_eventTypes[(info >> 8) & 7]} with vector {info & 0xFF} (0x{info:x}).";
    }

    private static ulong? At(IReadOnlyList<ulong?> data, int index) => index < data.Count ? data[index] : null;
}
