using System.CommandLine;
using Vitrine.Errors;
using Vitrine.Explain.Symbols;

namespace Vitrine.Cli.Commands;

/// <summary>The file that names addresses of a story; the same option for every command that tells one.</summary>
internal sealed class SymbolOption
{
    private readonly Option<string?> _symbols = new("--symbols")
    {
        Description = "Name addresses by this file: a vmlinux or another ELF file with symbols, a System.map, or a copy of the guest's /proc/kallsyms.",
        HelpName = "FILE",
    };

    /// <summary>Its name.</summary>
    public string Name => _symbols.Name;

    /// <summary>Adds it to a command.</summary>
    public void AddTo(Command command) => command.Options.Add(_symbols);

    /// <summary>The file's path as it was given; null where none was.</summary>
    public string? Given(ParseResult parsed) => parsed.GetValue(_symbols);

    /// <summary>Reads the file.</summary>
    /// <returns>Null where none was given.</returns>
    /// <exception cref="VitrineException">It can't be read, or has no symbols.</exception>
    public SymbolTable? Read(ParseResult parsed) => parsed.GetValue(_symbols) is { } path ? SymbolTable.Read(HostPath.ToRead(path)) : null;

    /// <summary>An address, or the name of a symbol.</summary>
    /// <param name="text">What was given to an option.</param>
    /// <param name="option">The option.</param>
    /// <param name="symbols">The symbols; null for none.</param>
    /// <exception cref="VitrineException">It is neither.</exception>
    public ulong Address(string text, string option, SymbolTable? symbols)
    {
        if (Numbers.TryAddress(text, out ulong address)) return address;
        if (symbols is null) return Numbers.Address(text, option);
        if (symbols.AddressOf(text) is { } known) return known;
        string suggestion = symbols.Nearest(text) is { } nearest ? $"Did you mean '{nearest}'? " : "";
        throw VitrineException.User(
            CommandErrorCode.Arguments,
            $"{option} '{text}' is neither an address nor a symbol of '{symbols.File}'.",
            "An address is a decimal number, or a hexadecimal one that begins with 0x.",
            $"{suggestion}Give one like {option} 0x100000, or the name of a symbol as the file has it.");
    }
}
