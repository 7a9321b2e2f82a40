using System.Collections.Frozen;
using System.Text.RegularExpressions;
using Vitrine.X86.State;

namespace Vitrine.Explain.EntryDumps;

/// <summary>struct kvm_sregs (or kvm_sregs2), with struct kvm_regs where it is there too, as a debugger prints them.</summary>
internal sealed partial class KvmStructDump
{
    private static readonly (string Name, int Number)[] s_segments =
    [
        ("cs", Seg.Cs), ("ds", Seg.Ds), ("es", Seg.Es), ("fs", Seg.Fs), ("gs", Seg.Gs), ("ss", Seg.Ss), ("tr", Seg.Tr), ("ldt", Seg.Ldtr),
    ];

    // Member, bits, and where the VMCS has it in the access rights.
    private static readonly (string Name, int Bits, int Shift)[] s_access =
    [
        ("type", 4, 0), ("s", 1, 4), ("dpl", 2, 5), ("present", 1, 7), ("avl", 1, 12), ("l", 1, 13), ("db", 1, 14), ("g", 1, 15), ("unusable", 1, 16),
    ];

    // In the order of their numbers.
    private static readonly string[] s_general =
        ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];

    private static readonly FrozenSet<string> s_inner = FrozenSet.Create(
        ["cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt", "gdt", "idt", "padding", "interrupt_bitmap"]);

    private readonly string _file;
    private readonly StructPrint _print;
    private string? _missing;

    private KvmStructDump(string file, StructPrint print)
    {
        _file = file;
        _print = print;
    }

    /// <summary>True for a text that has one.</summary>
    public static bool IsIn(string text) =>
        text.Contains("selector", StringComparison.Ordinal) && text.Contains("unusable", StringComparison.Ordinal) && First().IsMatch(text);

    /// <summary>Reads it.</summary>
    /// <param name="file">Name of the file, for errors.</param>
    /// <param name="text">The whole text.</param>
    /// <param name="end">How the run ended, where the text says so.</param>
    public static EntryDump Read(string file, string text, RunEnd end)
    {
        StructPrint print = StructPrint.Read(text, ("cs", "selector"));
        KvmStructDump dump = new(file, print);
        RegisterDump registers = dump.Read();
        if (dump._missing is { } missing) throw DumpErrors.CutOff(file, print.Line, "struct kvm_sregs", missing);
        return registers.ToDump(
            print.Line, end, print.Prints > 1 ? [$"The file has struct kvm_sregs {print.Prints} times; of each member the last print counts."] : []);
    }

    private RegisterDump Read()
    {
        ProcessorState state = new();
        foreach ((string name, int number) in s_segments)
        {
            uint access = 0;
            foreach ((string member, int bits, int shift) in s_access) access |= (uint)Member(name, member, bits) << shift;
            state.Segments[number] = new SegmentRegister(
                (ushort)Member(name, "selector", 16), Member(name, "base", 64), (uint)Member(name, "limit", 32), access);
        }

        state.Gdtr = new DescriptorTable(Member("gdt", "base", 64), (ushort)Member("gdt", "limit", 16));
        state.Idtr = new DescriptorTable(Member("idt", "base", 64), (ushort)Member("idt", "limit", 16));
        (state.Cr0, state.Cr3, state.Cr4, state.Efer) = (Register("cr0"), Register("cr3"), Register("cr4"), Register("efer"));
        state.Cr2 = Optional("cr2") ?? 0;
        for (int i = 0; i < s_general.Length; i++) state.Gpr[i] = Optional(s_general[i]) ?? 0;
        (ulong? rip, ulong? rflags) = (Optional("rip"), Optional("rflags"));
        state.Rip = rip ?? 0;
        state.Rflags = rflags ?? X86.Registers.Rflags.Fixed;
        return new RegisterDump("struct kvm_sregs as a debugger prints it", state) { HasRip = rip is not null && rflags is not null, HasDr7 = false };
    }

    private ulong Member(string parent, string name, int bits)
    {
        if (_print.Find(parent, name) is { } found) return found.Read(_file, $"{parent}.{name}", bits);
        _missing ??= $"{parent}.{name}";
        return 0;
    }

    private ulong Register(string name)
    {
        ulong? value = Optional(name);
        if (value is null) _missing ??= name;
        return value ?? 0;
    }

    private ulong? Optional(string name) => _print.FindOutside(s_inner, name) is { } found ? found.Read(_file, name, 64) : null;

    [GeneratedRegex(@"\bcs\s{0,4}[=:]\s{0,40}(?:\w{1,40}\s{0,4})?\{\s{0,40}(?:(?:[>|]|\d{1,7}[:\-])\s{0,40}){0,8}base\b")]
    private static partial Regex First();
}
