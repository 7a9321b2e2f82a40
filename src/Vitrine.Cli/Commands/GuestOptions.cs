using System.CommandLine;
using Vitrine.Boot;
using Vitrine.Cli.Terminal;
using Vitrine.Errors;
using Vitrine.X86;

namespace Vitrine.Cli.Commands;

/// <summary>The options that say what a machine boots; the same for every command that boots one.</summary>
internal sealed class GuestOptions
{
    private readonly Option<string?> _kernel = new("--kernel")
    {
        Description = "Kernel: a Linux bzImage, an ELF vmlinux with a PVH note, or a Multiboot 1 image.",
        HelpName = "FILE",
    };

    private readonly Option<string?> _initrd = new("--initrd")
    {
        Description = "Initial RAM disk, or Multiboot module, for --kernel.",
        HelpName = "FILE",
    };

    private readonly Option<string?> _append = new("--append") { Description = "Command line for --kernel.", HelpName = "TEXT" };

    private readonly Option<string?> _firmware = new("--firmware")
    {
        Description = "Raw firmware image; it ends at 4 GiB, its last 128 KiB also at 1 MiB.",
        HelpName = "FILE",
    };

    private readonly Option<string?> _flat = new("--flat") { Description = "Flat code and the address to load it at.", HelpName = "FILE@ADDR" };

    private readonly Option<string?> _entry = new("--entry")
    {
        Description = "Where --flat code starts; by default at its address.",
        HelpName = "ADDR",
    };

    private readonly Option<string?> _mode = new("--mode")
    {
        Description = "Mode in which --flat code starts: real, protected or long (the default).",
        HelpName = "MODE",
    };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_kernel);
        command.Options.Add(_initrd);
        command.Options.Add(_append);
        command.Options.Add(_firmware);
        command.Options.Add(_flat);
        command.Options.Add(_entry);
        command.Options.Add(_mode);
    }

    /// <summary>What to boot.</summary>
    /// <exception cref="VitrineException">None or several are given, or one that doesn't belong to the others.</exception>
    public BootSource Read(ParseResult parsed) => Choose(
        parsed.GetValue(_kernel), parsed.GetValue(_initrd), parsed.GetValue(_append), parsed.GetValue(_firmware),
        parsed.GetValue(_flat), parsed.GetValue(_entry), parsed.GetValue(_mode));

    private static BootSource Choose(
        string? kernel, string? initrd, string? append, string? firmware, string? flat, string? entry, string? mode)
    {
        string[] given = [.. Names(("--kernel", kernel), ("--firmware", firmware), ("--flat", flat))];
        if (given.Length != 1)
        {
            throw VitrineException.User(
                CommandErrorCode.Arguments,
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
                CommandErrorCode.Arguments,
                $"{alone} was given with {given[0]}.",
                $"It belongs to {(kernelOnly.Length > 0 ? "--kernel" : "--flat")} only.",
                $"Leave {alone} out.");
        }

        if (kernel is not null)
        {
            return new BootSource.Kernel(ImageToRead(kernel)) { Initrd = initrd is null ? null : ImageToRead(initrd), CommandLine = append ?? "" };
        }

        if (firmware is not null) return new BootSource.Firmware(ImageToRead(firmware));
        return ReadFlat(flat!, entry, mode);
    }

    private static BootSource.Flat ReadFlat(string flat, string? entry, string? mode)
    {
        int at = flat.LastIndexOf('@');
        if (at <= 0 || !Numbers.TryAddress(flat[(at + 1)..], out ulong address))
        {
            throw VitrineException.User(
                CommandErrorCode.Arguments,
                at <= 0 ? $"--flat '{flat}' doesn't say where to load the code." : $"--flat '{flat}': '{flat[(at + 1)..]}' is not an address to load the code at.",
                "It is a file and an address, with @ between them; the address is a decimal number, or a hexadecimal one that begins with 0x.",
                $"Give it like --flat {(at > 0 ? flat[..at] : at < 0 ? flat : "code.bin")}@0x100000.");
        }

        return new BootSource.Flat(
            ImageToRead(flat[..at]),
            new Gpa(address),
            entry is null ? address : Numbers.Address(entry, "--entry"),
            mode switch
            {
                "real" => FlatMode.Real,
                "protected" => FlatMode.Protected,
                "long" or null => FlatMode.Long,
                _ => throw VitrineException.User(
                    CommandErrorCode.Arguments,
                    $"--mode '{mode}' is not a processor mode to start in.",
                    "The modes are real, protected and long.",
                    $"{Suggestion.For(mode, "real", "protected", "long")}Give one of them."),
            });
    }

    // The library can tell by its size alone, which is 0, and takes it for empty.
    private static string ImageToRead(string path)
    {
        string? other = !Libc.TryGetType(path, out FileType type) ? null : type switch
        {
            FileType.Pipe => "a pipe",
            FileType.Socket => "a socket",
            FileType.CharacterDevice or FileType.BlockDevice => "a device",
            _ => null,
        };
        return other is null ? HostPath.ToRead(path) : throw VitrineException.User(
            CommandErrorCode.File,
            $"'{path}' can't be loaded: it is no regular file but {other}.",
            "An image is read here and there, and its size must be known before.",
            "Write it to a file, and give the path of that.");
    }

    private static IEnumerable<string> Names(params (string Name, string? Value)[] options) =>
        options.Where(option => option.Value is not null).Select(option => option.Name);
}
