using System.Globalization;
using System.Text;
using Vitrine.Boot;

namespace Vitrine.Explain.Symbols;

/// <summary>A System.map, as `nm` writes it, or a copy of /proc/kallsyms: lines of an address, a letter for the kind, and a name.</summary>
internal static class SystemMap
{
    private const long MostBytes = 256L << 20;
    private const int LongestLine = 4096;
    private const string Remedy = "Give the file that belongs to the guest's kernel. Debian has it in the package linux-image-VERSION-dbg, as vmlinux; in the guest, root has it as /proc/kallsyms.";

    /// <summary>Reads it.</summary>
    /// <exception cref="Errors.VitrineException">It is none, or it says that the real one is elsewhere.</exception>
    public static List<Symbol> Read(ImageFile file)
    {
        if (file.Length > MostBytes) throw file.Invalid($"has {file.Length} bytes, and one with symbols as text has at most {MostBytes}", "It is probably something else.", Remedy);
        string text = Encoding.Latin1.GetString(file.Read(0, (int)file.Length));
        List<Symbol> symbols = [];
        int number = 0;
        bool hidden = false;
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            number++;
            if (line.Trim().IsEmpty) continue;
            if (line.Length > LongestLine || !TrySplit(line, out ulong address, out char kind, out ReadOnlySpan<char> name))
            {
                throw file.Invalid(
                    $"is no symbol file: line {number} is not an address, a letter and a name",
                    "ELF files and System.map files are read. Debian's /boot/System.map only says where the real one is.",
                    Remedy);
            }

            hidden |= address == 0;
            if (RankOf(kind) is { } rank && IsTold(name)) symbols.Add(new Symbol(address, 0, Rank(rank, name), name.ToString()));
        }

        // Whoever may not see them gets zeros (kptr_restrict).
        if (hidden && symbols.TrueForAll(static symbol => symbol.Address == 0))
        {
            throw file.Invalid("has 0 for each address", "The kernel shows /proc/kallsyms with addresses to root only.", "Copy it as root.");
        }

        return symbols;
    }

    /// <summary>Which of several names at an address is told: one that a compiler has put before another one comes last.</summary>
    public static int Rank(int rank, ReadOnlySpan<char> name) =>
        name.StartsWith("__pfx_") || name.StartsWith("__cfi_") ? rank + 20 : name.StartsWith("_") ? rank + 10 : rank;

    /// <summary>The name is one that people gave.</summary>
    public static bool IsTold(ReadOnlySpan<char> name) => !name.StartsWith(".L") && !name.StartsWith("$");

    // "ffffffff81000000 T _text", and behind the name of a module's symbol "\t[module]".
    private static bool TrySplit(ReadOnlySpan<char> line, out ulong address, out char kind, out ReadOnlySpan<char> name)
    {
        kind = '?';
        name = default;
        int space = line.IndexOf(' ');
        if (space is < 1 or > 16 || !ulong.TryParse(line[..space], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out address))
        {
            address = 0;
            return false;
        }

        ReadOnlySpan<char> rest = line[(space + 1)..];
        if (rest.Length < 3 || !char.IsAsciiLetter(rest[0]) || rest[1] != ' ') return false;
        kind = rest[0];
        name = rest[2..].TrimEnd();
        int tab = name.IndexOf('\t');
        if (tab >= 0) name = name[..tab];
        return !name.IsEmpty && !name.Contains(' ');
    }

    // Text, data, read-only, uninitialised, weak; nothing that is undefined or only a number.
    private static int? RankOf(char kind) => kind switch
    {
        'T' => 0,
        't' => 1,
        'W' or 'w' or 'V' or 'v' => 2,
        'D' or 'R' or 'B' => 3,
        'd' or 'r' or 'b' => 4,
        _ => null,
    };
}
