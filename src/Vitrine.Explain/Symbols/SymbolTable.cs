using Vitrine.Boot;
using Vitrine.Errors;

namespace Vitrine.Explain.Symbols;

/// <summary>The symbols of a kernel or another program: of an ELF file's symbol table, or of a System.map.</summary>
public sealed class SymbolTable
{
    private const string Role = "symbol file";
    private const string Source = "Give a vmlinux or another ELF file that is not stripped, a System.map, or a copy of the guest's /proc/kallsyms that root has made.";
    private const ulong UpperHalf = 1UL << 63;

    private readonly Symbol[] _symbols;

    private SymbolTable(string file, Symbol[] symbols)
    {
        (File, _symbols) = (file, symbols);
        IsKernel = symbols[^1].Address >= UpperHalf;
    }

    /// <summary>The file.</summary>
    public string File { get; }

    /// <summary>How many addresses have a name.</summary>
    public int Count => _symbols.Length;

    /// <summary>They are those of a kernel in the upper half of the address space.</summary>
    public bool IsKernel { get; }

    /// <summary>The least address that has a name.</summary>
    public ulong First => _symbols[0].Address;

    /// <summary>The greatest address that has a name.</summary>
    public ulong Last => _symbols[^1].Address;

    /// <summary>Reads a file.</summary>
    /// <param name="path">An ELF file with a symbol table, a System.map or a copy of /proc/kallsyms.</param>
    /// <exception cref="VitrineException">It can't be read, is none of these, is damaged or too large, or has no symbols.</exception>
    public static SymbolTable Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        using ImageFile file = ImageFile.Open(path, Role, Source);
        return Read(file);
    }

    /// <summary>Reads an open file.</summary>
    internal static SymbolTable Read(ImageFile file)
    {
        const int Start = 1024;
        byte[] start = file.ReadStart(Start);
        if (IsKernelImage(start))
        {
            throw file.Invalid("is a compressed kernel (bzImage), which has no symbols", "Those of its kernel are in the vmlinux that it was made of, and in its System.map.", Source);
        }

        List<Symbol> symbols = ElfSymbols.Recognises(start) ? ElfSymbols.Read(file) : SystemMap.Read(file);

        // What a kernel has below are offsets in the memory of a processor, and numbers.
        if (symbols.Exists(static symbol => symbol.Address >= UpperHalf)) symbols.RemoveAll(static symbol => symbol.Address < UpperHalf);
        if (symbols.Count == 0) throw file.Invalid("names no address", "It was stripped, or made of something else than a program.", Source);
        return new SymbolTable(file.Name, Sort(symbols));
    }

    /// <summary>The address of a symbol.</summary>
    /// <returns>Null when there is none of this name.</returns>
    public ulong? AddressOf(string name)
    {
        foreach (Symbol symbol in _symbols)
        {
            if (symbol.Name == name) return symbol.Address;
        }

        return null;
    }

    /// <summary>The name that is nearest to one that isn't there, for a message.</summary>
    /// <returns>Null where none is near.</returns>
    public string? Nearest(string name) => Suggestion.Nearest(name, _symbols.Where(symbol => Math.Abs(symbol.Name.Length - name.Length) <= 2).Select(static symbol => symbol.Name));

    /// <summary>The name of an address: the symbol that it is at or in, with the distance from it.</summary>
    /// <returns>Null when it is in none.</returns>
    public string? NameOf(ulong address)
    {
        int low = 0;
        int high = _symbols.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_symbols[middle].Address <= address) low = middle + 1;
            else high = middle;
        }

        if (low == 0) return null;
        ref readonly Symbol symbol = ref _symbols[low - 1];
        ulong distance = address - symbol.Address;
        if (distance == 0) return symbol.Name;

        // The last one ends the program where its size isn't known.
        bool isInside = symbol.Size > 0 ? distance < symbol.Size : low < _symbols.Length;
        return isInside ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{symbol.Name}+0x{distance:x}") : null;
    }

    /// <summary>Linux' own header, at the place of its 16-bit code (Documentation/arch/x86/boot.rst).</summary>
    private static bool IsKernelImage(ReadOnlySpan<byte> start) => start.Length > 0x206 && start[0x202..0x206].SequenceEqual("HdrS"u8);

    private static Symbol[] Sort(List<Symbol> symbols)
    {
        symbols.Sort(static (one, other) =>
            one.Address != other.Address ? one.Address.CompareTo(other.Address)
            : one.Rank != other.Rank ? one.Rank.CompareTo(other.Rank)
            : string.CompareOrdinal(one.Name, other.Name));
        List<Symbol> kept = new(symbols.Count);
        foreach (Symbol symbol in symbols)
        {
            if (kept.Count == 0 || kept[^1].Address != symbol.Address) kept.Add(symbol);
        }

        return [.. kept];
    }
}
