using System.CommandLine;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Errors;

namespace Vitrine.Cli.Commands;

/// <summary>The options that say what machine a guest gets; the same for every command that runs one.</summary>
internal sealed class MachineOptions
{
    /// <summary>The option that chooses an MMU.</summary>
    internal const string MmuName = "--mmu";

    /// <summary>The option that chooses an engine.</summary>
    internal const string EngineName = "--soft";

    /// <summary>The option that chooses what runs user code.</summary>
    internal const string UserName = "--user";

    private readonly Option<string> _memory = new("--memory", "-m")
    {
        Description = "Guest RAM: bytes, or a number with K, M or G; at most 64G.",
        HelpName = "SIZE",
        DefaultValueFactory = _ => "512M",
    };

    private readonly Option<string> _cpus = new("--cpus")
    {
        Description = "Number of CPUs, 1 to 8. Each is a thread of the host.",
        HelpName = "N",
        DefaultValueFactory = _ => "1",
    };

    private readonly Option<string> _cpu = new("--cpu")
    {
        Description = "CPU model: x86-64-v1, x86-64-v2, max (all that there is), or with KVM and the translator x86-64-v3, host.",
        HelpName = "MODEL",
        DefaultValueFactory = _ => "x86-64-v2",
    };

    private readonly Option<string> _accelerator = new("--accel")
    {
        Description = "What runs the CPU: auto, kvm or soft. auto says on standard error what it chose and why.",
        HelpName = "NAME",
        DefaultValueFactory = _ => "auto",
    };

    private readonly Option<string?> _mmu = new(MmuName)
    {
        Description = "How the software CPU translates addresses: shadow or two-dimensional. With --accel auto it also chooses the software CPU.",
        HelpName = "MODE",
    };

    private readonly Option<string?> _engine = new(EngineName)
    {
        Description = "How the software CPU executes: interpreter or translator. With --accel auto it also chooses the software CPU.",
        HelpName = "ENGINE",
    };

    private readonly Option<string?> _user = new(UserName)
    {
        Description = "What runs user code on the software CPU: translated, native (the host's processor), or auto: native where it pays, which is the default.",
        HelpName = "HOW",
    };

    private readonly Option<string?> _timeout = new("--timeout")
    {
        Description = "End the guest after this many seconds, with status 124.",
        HelpName = "SECONDS",
    };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_memory);
        command.Options.Add(_cpus);
        command.Options.Add(_cpu);
        command.Options.Add(_accelerator);
        command.Options.Add(_mmu);
        command.Options.Add(_engine);
        command.Options.Add(_user);
        command.Options.Add(_timeout);
    }

    /// <summary>The configuration that was asked for.</summary>
    /// <exception cref="VitrineException">A value can't be understood.</exception>
    public MachineConfig Read(ParseResult parsed, Boot.BootSource boot) => new()
    {
        Boot = boot,
        MemoryBytes = Numbers.Size(parsed.GetValue(_memory)!, _memory.Name),
        Cpus = Numbers.Count(parsed.GetValue(_cpus)!, _cpus.Name),
        CpuModel = parsed.GetValue(_cpu)!,
        Accelerator = ReadAccelerator(parsed.GetValue(_accelerator)!),
        Software = new SoftwareOptions { Mmu = ReadMmu(parsed.GetValue(_mmu)), Engine = ReadEngine(parsed.GetValue(_engine)), UserCode = ReadUserCode(parsed.GetValue(_user)) },
        Notice = Messages.Say,
    };

    /// <summary>How long the guest may run; null for ever.</summary>
    /// <exception cref="VitrineException">The value can't be understood.</exception>
    public TimeSpan? ReadTimeout(ParseResult parsed) =>
        parsed.GetValue(_timeout) is { } text ? Numbers.Seconds(text, _timeout.Name) : null;

    private AcceleratorChoice ReadAccelerator(string name) => name switch
    {
        "auto" => AcceleratorChoice.Auto,
        "kvm" => AcceleratorChoice.Kvm,
        "soft" => AcceleratorChoice.Soft,
        _ => throw VitrineException.User(
            CommandErrorCode.Arguments,
            $"{_accelerator.Name} '{name}' is not an accelerator.",
            "The accelerators are auto, kvm and soft.",
            $"{Suggestion.For(name, "auto", "kvm", "soft")}Leave it out, or see 'vitrine check' for what works here."),
    };

    /// <summary>An MMU by its name; null where none is given.</summary>
    /// <exception cref="VitrineException">There is none of that name.</exception>
    internal static MmuMode? ReadMmu(string? name) => name switch
    {
        null => null,
        "shadow" => MmuMode.Shadow,
        "two-dimensional" => MmuMode.TwoDimensional,
        "nested" => MmuMode.TwoDimensional, // its name of before, which scripts have
        _ => throw VitrineException.User(
            CommandErrorCode.Arguments,
            $"{MmuName} '{name}' is not an MMU mode.",
            "The modes are shadow and two-dimensional.",
            $"{Suggestion.For(name, "shadow", "two-dimensional")}Leave it out for the default, or see docs/shadow-paging.md for what they are."),
    };

    /// <summary>An engine by its name; null where none is given.</summary>
    /// <exception cref="VitrineException">There is none of that name.</exception>
    internal static SoftwareEngine? ReadEngine(string? name) => name switch
    {
        null => null,
        "interpreter" => SoftwareEngine.Interpreter,
        "translator" => SoftwareEngine.Translator,
        _ => throw VitrineException.User(
            CommandErrorCode.Arguments,
            $"{EngineName} '{name}' is not an engine of the software CPU.",
            "The engines are interpreter and translator.",
            $"{Suggestion.For(name, "interpreter", "translator")}Leave it out for the default."),
    };

    /// <summary>What runs user code, by its name.</summary>
    /// <exception cref="VitrineException">There is none of that name.</exception>
    private static UserCode? ReadUserCode(string? name) => name switch
    {
        null => null,
        "translated" => UserCode.Translated,
        "native" => UserCode.Native,
        "auto" => UserCode.Auto,
        _ => throw VitrineException.User(
            CommandErrorCode.Arguments,
            $"{UserName} '{name}' is no way to run user code.",
            "The ways are translated, native and auto.",
            $"{Suggestion.For(name, "translated", "native", "auto")}Leave it out for the default."),
    };
}
