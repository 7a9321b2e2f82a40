using System.CommandLine;
using Vitrine.Cli.Serving;
using Vitrine.Cli.Terminal;
using Vitrine.Errors;

namespace Vitrine.Cli.Commands;

/// <summary>vitrine kvm: runs a program that uses /dev/kvm, with the software CPU behind it.</summary>
internal static class KvmCommand
{
    /// <summary>Describes the command.</summary>
    public static Command Build()
    {
        Option<string?> cpu = new("--cpu")
        {
            Description = "The CPU model that guests can have: x86-64-v1, x86-64-v2, x86-64-v3, host or max (default: all that there is).",
            HelpName = "MODEL",
        };
        Option<string?> engine = new(MachineOptions.EngineName) { Description = "How the software CPU executes: interpreter or translator.", HelpName = "ENGINE" };
        Option<string?> mmu = new(MachineOptions.MmuName) { Description = "How it translates addresses: shadow or two-dimensional.", HelpName = "MODE" };
        Option<bool> force = new("--force") { Description = "Serve even where the host's own KVM works at full speed." };
        Option<bool> real = new(ServedStart.RealName)
        {
            Description = "Serve nothing: the program gets the host's own KVM, which must work, and its calls are watched for --trace, --stats and --explain.",
        };
        Option<bool> print = new("--print-env") { Description = "Print the variables that serve KVM, for a service file or a container, and run nothing." };
        ObservationOptions observation = new();
        Argument<string[]> command = new("command")
        {
            HelpName = "-- COMMAND ARGS",
            Description = "The program to run, after --, with its arguments: qemu-system-x86_64 -accel kvm ...",
            Arity = ArgumentArity.ZeroOrMore,
        };
        Command kvm = new(
            "kvm",
            "Runs a program with /dev/kvm served by the software CPU, whether the host has one or not: QEMU or any other virtual machine monitor, " +
            "unmodified. The programs that it starts are served too. Exit status and signals are those of the program.")
        {
            cpu, engine, mmu, force, real, print, command,
        };
        observation.AddTo(kvm);
        kvm.SetAction(parsed =>
        {
            List<(string Name, string Value)> choices = ServedChoices.Read(parsed.GetValue(cpu), parsed.GetValue(engine), parsed.GetValue(mmu));
            string[] words = ProgramWords.Read(parsed, command);
            if (words.Length == 0 && !parsed.GetValue(print)) throw NoCommand();
            if (parsed.GetValue(real)) ServedChoices.RefuseWithReal(parsed, cpu.Name, engine.Name, mmu.Name, force.Name);
            choices.AddRange(observation.Read(parsed));
            if (parsed.GetValue(print)) return PrintEnvironment(parsed.GetValue(real) ? [.. choices, (ServedVariables.Real, "1")] : choices);
            return parsed.GetValue(real) ? ServedStart.Watch(words, choices) : ServedStart.Serve(words, choices, parsed.GetValue(force));
        });
        return kvm;
    }

    private static int PrintEnvironment(List<(string Name, string Value)> choices)
    {
        foreach ((string name, string value) in ServedVariables.For(ServingParts.Find(), choices)) StandardOutput.Writer.WriteLine($"{name}={value}");
        return ExitStatus.Success;
    }

    private static VitrineException NoCommand() => VitrineException.User(
        CommandErrorCode.Arguments,
        "No command was given.",
        "KVM is served to a program, which is started with it.",
        "Give one after --, such as `vitrine kvm -- qemu-system-x86_64 -accel kvm -nographic`.");
}
