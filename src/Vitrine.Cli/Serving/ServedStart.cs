using Vitrine.Cli.Terminal;
using Vitrine.Errors;
using Vitrine.X86.Cpuid;

namespace Vitrine.Cli.Serving;

/// <summary>Becomes a program whose calls to KVM are served or watched.</summary>
internal static class ServedStart
{
    /// <summary>The option that watches the host's own KVM.</summary>
    public const string RealName = "--real";

    /// <summary>Becomes a program that is served by the software CPU.</summary>
    /// <param name="words">Its name, and its arguments.</param>
    /// <param name="choices">What was chosen, as variables.</param>
    /// <param name="force">Serve even where the host's own KVM works at full speed.</param>
    /// <exception cref="VitrineException">It can't be.</exception>
    public static int Serve(string[] words, IReadOnlyList<(string Name, string Value)> choices, bool force)
    {
        ServedProgram program = ServedProgram.Find(words[0]);
        ServedEnvironment environment = ServedEnvironment.Inherit();
        string name = Path.GetFileName(words[0]);
        if (!force && HostReport.RunsKvmAtFullSpeed)
        {
            Messages.Say($"The host's own KVM works at full speed: {name} gets that one. --force serves the software CPU all the same, --real watches.");
            return ReplaceProcess(program.Path, words, environment);
        }

        ServingParts parts = ServingParts.Find();
        environment.Set(ServedVariables.For(parts, choices));
        string model = choices.FirstOrDefault(static choice => choice.Name == ServedVariables.Cpu).Value ?? CpuModels.Max.Name;
        Messages.Say($"KVM is served to {name} by the software CPU, CPU model {model}.");

        // The loader is told both: the file, and the name that the program is to see.
        return program.Kind == ProgramKind.Static
            ? ReplaceProcess(parts.Loader, [parts.Loader, program.Path, .. words], environment)
            : ReplaceProcess(program.Path, words, environment);
    }

    /// <summary>Becomes a program that gets the host's own KVM, with its calls watched.</summary>
    /// <param name="words">Its name, and its arguments.</param>
    /// <param name="choices">What is to be written down, as variables.</param>
    /// <exception cref="VitrineException">There is no KVM that works, or the program can't be watched.</exception>
    public static int Watch(string[] words, IReadOnlyList<(string Name, string Value)> choices)
    {
        ServedProgram program = ServedProgram.Find(words[0]);
        ServedEnvironment environment = ServedEnvironment.Inherit();
        string name = Path.GetFileName(words[0]);
        HostReport host = HostReport.Examine();
        if (host.Kvm.Problem is { } problem)
        {
            throw VitrineException.Host(
                CommandErrorCode.RealKvm,
                $"The host's own KVM can't be watched: {problem.What}",
                problem.Why,
                $"Do what `vitrine check` says about it, or leave --real out: the software CPU, which needs nothing of the host, then serves {name} and tells the same.");
        }

        if (choices.Count == 0)
        {
            Messages.Say($"{name} gets the host's own KVM; nothing is written down without --trace, --stats or --explain.");
            return ReplaceProcess(program.Path, words, environment);
        }

        if (program.Kind == ProgramKind.Static)
        {
            throw VitrineException.User(
                CommandErrorCode.Program,
                $"The calls of '{words[0]}' can't be watched.",
                "It is a static program, into which nothing can be preloaded.",
                "Give a build of it with shared libraries, or leave --real out.");
        }

        ServingParts parts = ServingParts.Find();
        environment.Set(ServedVariables.For(parts, [.. choices, (ServedVariables.Real, "1")]));
        string slow = host.Kvm.EmulatesRing0 ? $", which emulates ring 0 here and is slow ({host.Kvm.NanosecondsPerInstruction:0} ns per instruction)" : "";
        Messages.Say($"{name} gets the host's own KVM{slow}; its calls are watched.");
        return ReplaceProcess(program.Path, words, environment);
    }

    private static int ReplaceProcess(string path, string[] arguments, ServedEnvironment environment)
    {
        StandardOutput.Writer.Flush();
        ProgramStart.Execute(path, arguments, environment);
        throw VitrineException.User(
            CommandErrorCode.Program,
            $"The program '{path}' can't be started: {Libc.DescribeLastError()}.",
            "The system refuses to execute it.",
            "Start it without `vitrine kvm --` to see whether it runs at all.");
    }
}
