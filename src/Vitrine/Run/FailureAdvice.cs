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
    /// <param name="advice">Settings that the explanation advises to try; null when it advises none.</param>
    internal static string Explain(string accelerator, ref VmExit exit, Instruction? instruction, out EndAdvice? advice)
    {
        advice = new EndAdvice { Accelerator = AcceleratorChoice.Soft };
        if (exit.Reason != VmExitReason.InternalError)
        {
            return $"The accelerator '{accelerator}' returned with exit reason {exit.Detail}, which is not known here. " +
                "It is probably newer than this version. Try the software CPU.";
        }

        string what = $"The accelerator '{accelerator}' stopped with internal error {exit.Suberror} ({Name(exit.Suberror)}).";
        if (exit.Suberror == SuberrorEmulation) return $"{what} {EmulationCause(instruction, ref advice)}";
        return exit.Suberror switch
        {
            SuberrorSimultaneousException or SuberrorDelivery =>
                $"{what} The guest's interrupt descriptor table or stack probably lies in device memory or is damaged. " +
                "Look at IDTR and RSP below, and try the software CPU.",
            _ => $"{what} This is probably a limit of the host's KVM. Try the software CPU.",
        };
    }

    // Where KVM emulates, its emulator lacks whole families; a guest that isn't told of a feature doesn't use it.
    private static string EmulationCause(Instruction? failed, ref EndAdvice? advice)
    {
        if (failed is not { IsInvalid: false } instruction)
        {
            advice = null;
            return failed is null
                ? "The guest probably jumped to an address where there is no memory. Look at the registers and the last exits below for where it came from."
                : "The bytes at RIP are no instruction: the guest probably runs data as code. Look at the registers and the last exits below.";
        }

        string[] features = [.. instruction.Code.CpuidFeatures().Select(static feature => feature.ToString())];
        string? model = Without(features)?.Name;
        advice = new EndAdvice { Accelerator = AcceleratorChoice.Soft, CpuModel = model };
        string way = model is null
            ? "No CPU model is without it. Try the software CPU."
            : $"Hide the feature with the CPU model {model} or a smaller one, or try the software CPU.";
        return $"KVM's instruction emulator probably doesn't know {instruction.Mnemonic.ToString().ToUpperInvariant()} ({string.Join(", ", features)}). {way}";
    }

    // The largest model without the feature; none is smaller than level 1.
    private static CpuModel? Without(string[] features) => new[] { CpuModels.X8664V3, CpuModels.X8664V2, CpuModels.X8664V1 }
        .FirstOrDefault(model => !features.All(model.InstructionSets.Contains));

    private static string Name(uint suberror) => suberror switch
    {
        SuberrorEmulation => "KVM_INTERNAL_ERROR_EMULATION",
        SuberrorSimultaneousException => "KVM_INTERNAL_ERROR_SIMUL_EX",
        SuberrorDelivery => "KVM_INTERNAL_ERROR_DELIVERY_EV",
        SuberrorUnexpectedExit => "KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON",
        _ => "unknown",
    };
}
