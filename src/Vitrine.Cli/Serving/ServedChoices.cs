using System.CommandLine;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Cli.Commands;
using Vitrine.Errors;
using Vitrine.X86.Cpuid;

namespace Vitrine.Cli.Serving;

/// <summary>What is chosen of the software CPU that serves a program.</summary>
internal static class ServedChoices
{
    /// <summary>Checks the choices.</summary>
    /// <param name="cpu">The CPU model; null for the best.</param>
    /// <param name="engine">The engine; null for the best.</param>
    /// <param name="mmu">The MMU; null for the best.</param>
    /// <returns>They, as variables of the program.</returns>
    /// <exception cref="VitrineException">One is not to be had.</exception>
    public static List<(string Name, string Value)> Read(string? cpu, string? engine, string? mmu)
    {
        SoftwareEngine? chosenEngine = MachineOptions.ReadEngine(engine);
        MmuMode? chosenMmu = MachineOptions.ReadMmu(mmu);
        using (SoftwareAccelerator accelerator = SoftwareAccelerator.Create(new SoftwareOptions { Engine = chosenEngine, Mmu = chosenMmu }))
        {
            accelerator.CheckModel(cpu is null ? CpuModels.Max : CpuModels.Get(cpu));
        }

        List<(string Name, string Value)> choices = [];
        if (cpu is not null) choices.Add((ServedVariables.Cpu, cpu));
        if (chosenEngine is not null) choices.Add((ServedVariables.Engine, engine!));
        if (chosenMmu is { } mode) choices.Add((ServedVariables.Mmu, mode == MmuMode.Shadow ? "shadow" : "two-dimensional"));
        return choices;
    }

    /// <summary>Refuses what is about the software CPU together with --real.</summary>
    /// <exception cref="VitrineException">It was given.</exception>
    public static void RefuseWithReal(ParseResult parsed, params string[] options)
    {
        foreach (string option in options)
        {
            if (!IsGiven(parsed, option)) continue;
            throw VitrineException.User(
                CommandErrorCode.Arguments,
                $"{option} and --real were both given.",
                $"{option} is about the software CPU, and --real is about the host's own KVM.",
                "Give one of them.");
        }
    }

    /// <summary>True when an option was given, and has not only its default.</summary>
    public static bool IsGiven(ParseResult parsed, string option) => parsed.GetResult(option) is System.CommandLine.Parsing.OptionResult { Implicit: false };
}
