using Iced.Intel;
using Vitrine.Explain.Entry;
using Vitrine.Explain.Fetch;
using Vitrine.Explain.Model;
using Vitrine.Explain.Text;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Exceptions;
using Vitrine.X86.State;
using Vitrine.X86.VmEntry;

namespace Vitrine.Explain;

/// <summary>
/// Explains how a guest came to an end that is not its own wish: a refused entry by the check that fails, a triple fault or an internal error by the way
/// from the instruction to the exception that could not be delivered.
/// </summary>
public static class EndExplanation
{
    /// <summary>Writes the explanation of an end.</summary>
    /// <param name="machine">The machine; it has ended.</param>
    /// <param name="end">How.</param>
    /// <param name="output">Where to.</param>
    /// <param name="colour">With ANSI colours, for a terminal.</param>
    /// <returns>False when the end needs no explanation; nothing is written then.</returns>
    public static bool Write(VirtualMachine machine, VmEnd end, TextWriter output, bool colour)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(end);
        ArgumentNullException.ThrowIfNull(output);
        bool explained = end.Reason is VmEndReason.FailEntry or VmEndReason.TripleFault || (end is { Reason: VmEndReason.InternalError, Error: null });
        if (!explained) return false;
        StoryWriter writer = new(output, colour);
        ProcessorState state = machine.ReadState(0);
        CpuidEntry[] cpuid = [.. machine.GetCpuid(0)];
        if (end.Reason == VmEndReason.FailEntry) WriteEntry(machine, state, cpuid, writer);
        else WriteFetch(machine, state, ProcessorLimits.From(cpuid), end.Reason == VmEndReason.TripleFault, writer);
        return true;
    }

    private static void WriteEntry(VirtualMachine machine, ProcessorState state, CpuidEntry[] cpuid, StoryWriter writer)
    {
        EntryMode mode = machine.Accelerator == "kvm" ? KvmMmu.OfThisHost().EntryMode : EntryMode.EptUnrestricted;
        EntryCheckResult[] failures = [.. EntryChecks.Check(state, mode, EntryExplanation.Environment(cpuid)).Failures];
        writer.Heading($"Why the entry was refused ({mode.Title()})");
        if (failures.Length == 0) writer.Prose("No check on the guest's registers fails: the refusal comes from a control or from the host's own state, which only the kernel knows.");
        foreach (EntryCheckResult failure in failures) writer.Fact(Evidence.Derived, "check fails", EntryExplanation.RefusalText(failure), TextStyle.Bad);
    }

    private static void WriteFetch(VirtualMachine machine, ProcessorState state, ProcessorLimits processor, bool tripleFault, StoryWriter writer)
    {
        FetchStory fetch = FetchExplanation.Of(machine, state, processor, out Instruction? instruction);
        writer.Heading("How the instruction at CS:RIP is fetched");
        FetchText.Write(fetch, writer);
        if (!tripleFault || fetch.Delivery.Count > 0 || fetch.Stop.Length > 0) return;

        // The instruction itself can be fetched: what it raised is known only for some.
        byte[] vectors = Vector(instruction) is { } known ? [known] : [ExceptionVector.GP, ExceptionVector.PF];
        bool software = instruction?.Mnemonic is Mnemonic.Int or Mnemonic.Int3;
        writer.Subheading(vectors.Length == 1 ? "How what it raises is delivered" : "How an exception that it raises would be delivered");
        foreach (byte vector in vectors)
        {
            foreach (string sentence in FaultDelivery.Follow(state, new MachineMemory(machine.Memory), processor, vector, software)) writer.Fact(Evidence.Derived, "delivery", sentence);
        }
    }

    private static byte? Vector(Instruction? instruction) => instruction?.Mnemonic switch
    {
        Mnemonic.Ud0 or Mnemonic.Ud1 or Mnemonic.Ud2 => ExceptionVector.UD,
        Mnemonic.Int3 => ExceptionVector.BP,
        Mnemonic.Int when instruction.Value.Immediate8 is var vector => vector,
        _ => null,
    };
}
