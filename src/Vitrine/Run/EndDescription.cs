using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Translation;
using Vitrine.Memory;
using Vitrine.X86.Cpuid;

namespace Vitrine.Run;

/// <summary>From the exit that ended a guest to what a user is told.</summary>
internal static class EndDescription
{
    /// <summary>Describes the end, on the vCPU's thread.</summary>
    /// <param name="outcome">What the run loop returned.</param>
    /// <param name="exit">The exit behind it.</param>
    /// <param name="vcpu">The vCPU; its state is read where the report shows it.</param>
    /// <param name="memory">Guest memory.</param>
    /// <param name="accelerator">Name of the accelerator.</param>
    internal static VmEnd Describe(ExitOutcome outcome, ref VmExit exit, Vcpu vcpu, GuestMemory memory, string accelerator)
    {
        switch (outcome.Kind)
        {
            case ExitKind.PowerOff:
                return new VmEnd(VmEndReason.PowerOff, 0, "The guest powered off.");
            case ExitKind.Reset:
                return new VmEnd(VmEndReason.Reset, 0, "The guest asked for a reset.");
            case ExitKind.DebugExit:
                return new VmEnd(VmEndReason.DebugExit, outcome.Value, $"The guest wrote 0x{outcome.Value:x} to the debug-exit port.");
            case ExitKind.GuestCrash:
                return Full(VmEndReason.GuestCrash, "The guest reported that it crashed.", outcome, ref exit, vcpu, memory);
            case ExitKind.HaltForever:
                return Full(
                    VmEndReason.HaltForever,
                    "The guest halted with interrupts disabled, so nothing could ever wake it. " +
                    "It has probably finished without powering off, or given up after an error.",
                    outcome, ref exit, vcpu, memory);
            case ExitKind.TripleFault:
                return Full(
                    VmEndReason.TripleFault,
                    "The guest triple-faulted: a fault came while the processor was delivering a double fault. " +
                    "The guest's interrupt table or stack is probably not set up, or damaged.",
                    outcome, ref exit, vcpu, memory);
            case ExitKind.FailEntry:
                vcpu.Refresh();
                return Full(
                    VmEndReason.FailEntry,
                    EntryAdvice.Explain(outcome.Value, vcpu.Accelerated.Inspection.EntryFailure, vcpu.State), outcome, ref exit, vcpu, memory);
            case ExitKind.EnginesDiffer:
                return new VmEnd(VmEndReason.EnginesDiffer, 0, LockstepDifferenceText.Of(vcpu.Accelerated.Inspection.LockstepDifference!));
            case ExitKind.InternalError when vcpu.Accelerated.Inspection.HostFault is { } fault:
                VmEnd end = Full(VmEndReason.InternalError, HostFaultText.Headline(fault), outcome, ref exit, vcpu, memory);
                return end with { Report = $"{end.Report}\n\n{HostFaultText.Details(fault)}", Advice = Advice(fault) };
            default:
                vcpu.Refresh();
                Instruction? instruction =
                    FailureReport.TryDecode(vcpu, memory, exit.InstructionBytes, out Instruction decoded, out _) ? decoded : null;
                string explanation = FailureAdvice.Explain(accelerator, ref exit, instruction, out EndAdvice? advice);
                return Full(VmEndReason.InternalError, explanation, outcome, ref exit, vcpu, memory) with { Advice = advice };
        }
    }

    private static EndAdvice Advice(HostFault fault) => HostFaultText.IsMissingMemory(fault)
        ? new EndAdvice { LessMemory = true }
        : new EndAdvice { Engine = SoftwareEngine.Interpreter, CpuModel = CpuModels.X8664V2.Name };

    private static VmEnd Full(VmEndReason reason, string headline, ExitOutcome outcome, ref VmExit exit, Vcpu vcpu, GuestMemory memory)
    {
        vcpu.Refresh();
        return new VmEnd(reason, outcome.Value, FailureReport.Write(headline, vcpu, memory, exit.InstructionBytes));
    }
}
