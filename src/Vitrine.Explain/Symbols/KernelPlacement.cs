using System.Globalization;
using Vitrine.Explain.Model;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Explain.Symbols;

/// <summary>
/// Where a Linux kernel lies, beside where it was linked. With KASLR its start-up code moves it by a multiple of 2 MiB within the upper GiB below its modules
/// (Documentation/arch/x86/x86_64/mm.rst). Registers that hold the address of something with a name tell by how much.
/// </summary>
/// <param name="symbols">The kernel's symbols.</param>
/// <param name="isHeld">Its command line has nokaslr.</param>
internal sealed class KernelPlacement(SymbolTable symbols, bool isHeld)
{
    private const ulong ImageStart = 0xFFFF_FFFF_8000_0000;
    private const ulong ImageEnd = 0xFFFF_FFFF_C000_0000;
    private const ulong Step = 2UL << 20;

    private string _told = "";
    private string _contradiction = "";
    private ulong? _outside;

    /// <summary>By how much it was moved; null as long as nothing has told.</summary>
    public ulong? Offset { get; private set; }

    /// <summary>Looks at registers of the guest.</summary>
    public void Follow(ProcessorState state)
    {
        if (!symbols.IsKernel || Offset is not null) return;
        if (IsInImage(state.Rip) && (state.Rip < symbols.First || state.Rip > symbols.Last)) _outside ??= state.Rip;
        if (state.Msrs.TryGetValue(Msr.IA32_LSTAR, out ulong entry)) Compare("IA32_LSTAR", entry, "entry_SYSCALL_64");
        if (Offset is null) Compare("IDTR", state.Idtr.Base, "idt_table", "bringup_idt_table");
    }

    /// <summary>The name of an address.</summary>
    /// <returns>Null when it has none, or what names it isn't this kernel's.</returns>
    public string? NameOf(ulong address)
    {
        if (!symbols.IsKernel) return symbols.NameOf(address);
        bool fits = Offset is not null || (_contradiction.Length == 0 && _outside is null);
        return fits && (address >> 63) != 0 ? symbols.NameOf(address - (Offset ?? 0)) : null;
    }

    /// <summary>What is known of it, for readers.</summary>
    public SymbolStory Tell()
    {
        if (!symbols.IsKernel) return new SymbolStory(symbols.File, symbols.Count, null, "", Suspect: false);
        (string note, bool suspect) = Note();
        return new SymbolStory(symbols.File, symbols.Count, Offset, note, suspect);
    }

    private (string Note, bool Suspect) Note()
    {
        const string Remedy = "Give nokaslr on the kernel's command line to keep it where it was linked.";
        return (Offset, _outside) switch
        {
            (0, _) => ($"The kernel lies where it was linked: {_told}.", false),
            ({ } offset, _) => ($"The kernel was moved by {Hex(offset)} (KASLR): {_told}. Names allow for that. {Remedy}", false),
            _ when _contradiction.Length > 0 => ($"{_contradiction}: no move by KASLR, which is a multiple of 2 MiB, makes the one of the other. The file is probably another kernel's.", true),
            (_, { } rip) => ($"RIP was {Hex(rip)}, where kernels lie, and the file has no symbol there: the kernel was probably moved (KASLR), or the file is another kernel's. {Remedy}", true),
            _ when isHeld => ("The kernel's command line has nokaslr: it stays where it was linked.", false),
            _ => ($"No register has told yet whether the kernel was moved (KASLR); names hold if it was not. {Remedy}", true),
        };
    }

    // Of what a register may hold the address of, one must fit.
    private void Compare(string register, ulong value, params ReadOnlySpan<string> names)
    {
        if (!IsInImage(value)) return;
        foreach (string name in names)
        {
            if (symbols.AddressOf(name) is not { } linked) continue;
            string told = $"{register} holds {Hex(value)}, and {name} is at {Hex(linked)} in the file";
            if (value < linked || (value - linked) % Step != 0)
            {
                _contradiction = told;
                continue;
            }

            (Offset, _told) = (value - linked, told);
            return;
        }
    }

    private static bool IsInImage(ulong address) => address is >= ImageStart and < ImageEnd;

    private static string Hex(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");
}
