using System.CommandLine;
using Vitrine.Boot;
using Vitrine.Cli.Terminal;
using Vitrine.Errors;
using Vitrine.X86;

namespace Vitrine.Cli.Commands;

/// <summary>vitrine run: boots a kernel, a firmware image or flat code.</summary>
internal static class RunCommand
{
    /// <summary>Describes the command.</summary>
    public static Command Build()
    {
        Option<string?> kernel = new("--kernel")
        {
            Description = "Kernel: a Linux bzImage, an ELF vmlinux with a PVH note, or a Multiboot 1 image.",
            HelpName = "FILE",
        };
        Option<string?> initrd = new("--initrd") { Description = "Initial RAM disk, or Multiboot module, for --kernel.", HelpName = "FILE" };
        Option<string?> append = new("--append") { Description = "Command line for --kernel.", HelpName = "TEXT" };
        Option<string?> firmware = new("--firmware")
        {
            Description = "Raw firmware image; it ends at 4 GiB, its last 128 KiB also at 1 MiB.",
            HelpName = "FILE",
        };
        Option<string?> flat = new("--flat") { Description = "Flat code and the address to load it at.", HelpName = "FILE@ADDR" };
        Option<string?> entry = new("--entry") { Description = "Where --flat code starts; by default at its address.", HelpName = "ADDR" };
        Option<string?> mode = new("--mode") { Description = "Mode in which --flat code starts: real, protected or long (the default).", HelpName = "MODE" };
        Option<string> serial = new("--serial")
        {
            Description = "First serial port: stdio, file:PATH or null.",
            HelpName = "TARGET",
            DefaultValueFactory = _ => "stdio",
        };
        Option<string> debug = new("--debugcon")
        {
            Description = "Firmware's debug port 0x402: stdio, file:PATH or null.",
            HelpName = "TARGET",
            DefaultValueFactory = _ => "null",
        };
        Option<bool> noReboot = new("--no-reboot") { Description = "End when the guest asks for a reset, instead of starting it over." };
        Option<bool> times = new("--times") { Description = "Show at the end when the start reached which point." };
        MachineOptions machine = new();
        Command command = new(
            "run",
            $"Boots a guest. In a terminal, Ctrl-A X leaves and Ctrl-A H helps. Set VITRINE_TRACE=1 for stack traces.\n\n{ExitStatus.Help}")
        {
            kernel, initrd, append, firmware, flat, entry, mode,
        };
        machine.AddTo(command);
        command.Options.Add(serial);
        command.Options.Add(debug);
        command.Options.Add(noReboot);
        command.Options.Add(times);
        command.SetAction(parsed =>
        {
            BootSource boot = ReadBoot(
                parsed.GetValue(kernel), parsed.GetValue(initrd), parsed.GetValue(append), parsed.GetValue(firmware),
                parsed.GetValue(flat), parsed.GetValue(entry), parsed.GetValue(mode));
            return ConsoleSession.Run(
                machine.Read(parsed, boot) with { ExitOnReset = parsed.GetValue(noReboot) },
                OutputTarget.Parse(parsed.GetValue(serial)!, serial.Name),
                OutputTarget.Parse(parsed.GetValue(debug)!, debug.Name),
                machine.ReadTimeout(parsed),
                parsed.GetValue(times));
        });
        return command;
    }

    /// <summary>What to boot, from the options that say so.</summary>
    /// <exception cref="VitrineException">None or several are given, or one that doesn't belong to the others.</exception>
    internal static BootSource ReadBoot(
        string? kernel, string? initrd, string? append, string? firmware, string? flat, string? entry, string? mode)
    {
        string[] given = [.. Names(("--kernel", kernel), ("--firmware", firmware), ("--flat", flat))];
        if (given.Length != 1)
        {
            throw VitrineException.User(
                given.Length == 0 ? "Nothing to boot was given." : $"{string.Join(" and ", given)} were given together.",
                "A machine boots exactly one of --kernel, --firmware and --flat.",
                "Give one of them, or try 'vitrine demo'.");
        }

        string[] kernelOnly = kernel is null ? [.. Names(("--initrd", initrd), ("--append", append))] : [];
        string[] flatOnly = flat is null ? [.. Names(("--entry", entry), ("--mode", mode))] : [];
        if (kernelOnly.Length + flatOnly.Length > 0)
        {
            string alone = kernelOnly.Length > 0 ? kernelOnly[0] : flatOnly[0];
            throw VitrineException.User(
                $"{alone} was given with {given[0]}.",
                $"It belongs to {(kernelOnly.Length > 0 ? "--kernel" : "--flat")} only.",
                $"Leave {alone} out.");
        }

        if (kernel is not null) return new BootSource.Kernel(kernel) { Initrd = initrd, CommandLine = append ?? "" };
        if (firmware is not null) return new BootSource.Firmware(firmware);
        return ReadFlat(flat!, entry, mode);
    }

    private static BootSource.Flat ReadFlat(string flat, string? entry, string? mode)
    {
        int at = flat.LastIndexOf('@');
        if (at <= 0)
        {
            throw VitrineException.User(
                $"--flat '{flat}' doesn't say where to load the code.",
                "It is a file and an address, with @ between them.",
                "Give it like --flat code.bin@0x100000.");
        }

        ulong address = Numbers.Address(flat[(at + 1)..], "--flat");
        return new BootSource.Flat(
            flat[..at],
            new Gpa(address),
            entry is null ? address : Numbers.Address(entry, "--entry"),
            mode switch
            {
                "real" => FlatMode.Real,
                "protected" => FlatMode.Protected,
                "long" or null => FlatMode.Long,
                _ => throw VitrineException.User(
                    $"--mode '{mode}' is not a processor mode to start in.",
                    "The modes are real, protected and long.",
                    "Give one of them."),
            });
    }

    private static IEnumerable<string> Names(params (string Name, string? Value)[] options) =>
        options.Where(option => option.Value is not null).Select(option => option.Name);
}
