using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.X86.Cpuid;

namespace Vitrine.Run;

/// <summary>From what an accelerator reports to what probably happened and what to try.</summary>
internal static class FailureAdvice
{
    private const uint SuberrorEmulation = 1;
    private const uint SuberrorSimultaneousException = 2;
    private const uint SuberrorDelivery = 3;
    private const uint SuberrorUnexpectedExit = 4;

    /// <summary>Explains an internal error of an accelerator (KVM_EXIT_INTERNAL_ERROR and the like).</summary>
    /// <param name="accelerator">Its name.</param>
    /// <param name="exit">The exit.</param>
    /// <param name="instruction">The instruction at RIP; null when it could not be fetched.</param>
    internal static string Explain(string accelerator, ref VmExit exit, Instruction? instruction)
    {
        if (exit.Reason != VmExitReason.InternalError)
        {
            return $"The accelerator '{accelerator}' returned with exit reason {exit.Detail}, which is not known here. " +
                "It is probably newer than this version. Try --accel soft.";
        }

        string what = $"The accelerator '{accelerator}' stopped with internal error {exit.Suberror} ({Name(exit.Suberror)}).";
        return exit.Suberror switch
        {
            SuberrorEmulation when instruction is null =>
                $"{what} The guest probably jumped to an address where there is no memory. " +
                "Look at the registers and the last exits below for where it came from.",
            SuberrorEmulation => $"{what} {EmulationCause(instruction.Value)}",
            SuberrorSimultaneousException or SuberrorDelivery =>
                $"{what} The guest's interrupt descriptor table or stack probably lies in device memory or is damaged. " +
                "Look at IDTR and RSP below, and try --accel soft.",
            _ => $"{what} This is probably a limit of the host's KVM. Try --accel soft.",
        };
    }

    // Where KVM emulates, its emulator lacks whole families; a guest that isn't told of a feature doesn't use it.
    private static string EmulationCause(Instruction instruction)
    {
        if (instruction.IsInvalid)
        {
            return "The bytes at RIP are no instruction: the guest probably runs data as code. Look at the registers and the last exits below.";
        }

        string[] features = [.. instruction.Code.CpuidFeatures().Select(static feature => feature.ToString())];
        return $"KVM's instruction emulator probably doesn't know {instruction.Mnemonic.ToString().ToUpperInvariant()} ({string.Join(", ", features)}). {Way(features)}";
    }

    // The largest model without the feature; none is smaller than level 1.
    private static string Way(string[] features)
    {
        CpuModel? without = new[] { CpuModels.X8664V3, CpuModels.X8664V2, CpuModels.X8664V1 }
            .FirstOrDefault(model => !features.All(model.InstructionSets.Contains));
        return without is null
            ? "No CPU model is without it. Try --accel soft."
            : $"Hide the feature with --cpu {without.Name} or a smaller model, or try --accel soft.";
    }

    private static string Name(uint suberror) => suberror switch
    {
        SuberrorEmulation => "KVM_INTERNAL_ERROR_EMULATION",
        SuberrorSimultaneousException => "KVM_INTERNAL_ERROR_SIMUL_EX",
        SuberrorDelivery => "KVM_INTERNAL_ERROR_DELIVERY_EV",
        SuberrorUnexpectedExit => "KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON",
        _ => "unknown",
    };
}
