using System.Text.RegularExpressions;
using Vitrine.X86.State;

namespace Vitrine.Explain.EntryDumps;

/// <summary>
/// The registers as QEMU prints them when an entry fails, when KVM gives up, and for "info registers": from EAX= or RAX= to Code=, with segments
/// as selector, base, limit and the second half of the descriptor ("CS =f000 ffff0000 0000ffff 00009b00 DPL=0 CS16 [-RA]").
/// </summary>
internal sealed partial class QemuDump
{
    // Not among the registers that every version prints: CR2, CR8, DR0 to DR3, Code.
    private static readonly string[] s_needed =
    [
        "IP", "FL", "ES", "CS", "SS", "DS", "FS", "GS", "LDT", "TR", "GDT", "IDT", "CR0", "CR3", "CR4", "EFER",
    ];

    private static readonly Dictionary<string, int> s_general = new()
    {
        ["AX"] = Gpr.Rax,
        ["CX"] = Gpr.Rcx,
        ["DX"] = Gpr.Rdx,
        ["BX"] = Gpr.Rbx,
        ["SP"] = Gpr.Rsp,
        ["BP"] = Gpr.Rbp,
        ["SI"] = Gpr.Rsi,
        ["DI"] = Gpr.Rdi,
    };

    private static readonly Dictionary<string, int> s_segments = new()
    {
        ["ES"] = Seg.Es,
        ["CS"] = Seg.Cs,
        ["SS"] = Seg.Ss,
        ["DS"] = Seg.Ds,
        ["FS"] = Seg.Fs,
        ["GS"] = Seg.Gs,
        ["LDT"] = Seg.Ldtr,
        ["TR"] = Seg.Tr,
    };

    private readonly string _file;
    private readonly DumpText _text;
    private readonly ProcessorState _state = new();
    private readonly Dictionary<string, string> _seen = [];
    private readonly bool _is64;
    private string? _cut;

    private QemuDump(string file, ReadOnlySpan<DumpLine> lines)
    {
        _file = file;
        _text = new DumpText(lines);
        _is64 = _text.Text.StartsWith('R');
    }

    /// <summary>True for the line that a dump begins with.</summary>
    public static bool Begins(DumpLine line) => First().IsMatch(line.Text);

    /// <summary>Reads one dump.</summary>
    /// <param name="file">Name of the file, for errors.</param>
    /// <param name="lines">From the line with EAX or RAX to the next dump or the end.</param>
    /// <param name="missing">What is missing for a whole dump; null when nothing is.</param>
    public static RegisterDump Read(string file, ReadOnlySpan<DumpLine> lines, out string? missing)
    {
        QemuDump dump = new(file, lines);
        foreach (Match match in Segments().Matches(dump._text.Text)) dump.ReadSegment(match);
        foreach (Match match in Tables().Matches(dump._text.Text)) dump.ReadTable(match);
        foreach (Match match in Registers().Matches(dump._text.Text)) dump.ReadRegister(match);
        missing = dump._cut ?? Array.Find(s_needed, name => !dump._seen.ContainsKey(name));
        GuestCode? code = Code().Match(dump._text.Text) is { Success: true } bytes ? ReadCode(bytes) : null;
        return new RegisterDump("a state as QEMU prints it", dump._state)
        {
            Code = code,
            HasDr7 = dump._seen.ContainsKey("DR7"),
            InSmm = dump._seen.GetValueOrDefault("SMM") == "1",
        };
    }

    private void ReadSegment(Match match)
    {
        int line = _text.LineAt(match.Index);
        string name = match.Groups["name"].Value;
        ulong selector = Number(line, name, match.Groups["selector"].Value, 16, 4);
        string start = match.Groups["base"].Value;
        ulong address = Number(line, name, start, 64, AddressDigits(start));
        ulong limit = Number(line, name, match.Groups["limit"].Value, 32, 8);
        // The second half of the descriptor: what the VMCS has in bits 15:12 and 7:0 is in 23:20 and 15:8.
        ulong flags = Number(line, name, match.Groups["flags"].Value, 32, 8);
        Once(line, name, match.Value);
        _state.Segments[s_segments[name]] = new SegmentRegister((ushort)selector, address, (uint)limit, (uint)(flags >> 8) & 0xF0FF);
    }

    private void ReadTable(Match match)
    {
        int line = _text.LineAt(match.Index);
        string name = match.Groups["name"].Value;
        string start = match.Groups["base"].Value;
        DescriptorTable table = new(
            Number(line, name, start, 64, AddressDigits(start)), (ushort)Number(line, name, match.Groups["limit"].Value, 16, 8));
        Once(line, name, match.Value);
        if (name == "GDT") _state.Gdtr = table;
        else _state.Idtr = table;
    }

    private void ReadRegister(Match match)
    {
        int line = _text.LineAt(match.Index);
        // EAX and RAX, EIP and RIP, EFL and RFL are one register.
        string name = match.Groups["short"] is { Success: true } half ? half.Value : match.Groups["name"].Value;
        string text = match.Groups["value"].Value;
        ulong value = Number(line, match.Groups["name"].Value, text, 64, Digits(match.Groups["name"].Value, text));
        Once(line, name, text);
        switch (name)
        {
            case "IP": _state.Rip = value; break;
            case "FL": _state.Rflags = value; break;
            case "CR0": _state.Cr0 = value; break;
            case "CR2": _state.Cr2 = value; break;
            case "CR3": _state.Cr3 = value; break;
            case "CR4": _state.Cr4 = value; break;
            case "EFER": _state.Efer = value; break;
            case "DR6": _state.Dr6 = value; break;
            case "DR7": _state.Dr7 = value; break;
            case "SMM": break;
            default:
                _state.Gpr[s_general.TryGetValue(name, out int number) ? number : int.Parse(name.AsSpan(1), System.Globalization.CultureInfo.InvariantCulture)] = value;
                break;
        }
    }

    // As QEMU prints them; those that depend on the mode, or on QEMU's target, have 8 or 16.
    private int Digits(string name, string text) => name switch
    {
        "SMM" => 1,
        "EFER" => 16,
        "CR0" or "CR4" or "RFL" or ['E', ..] => 8,
        _ => AddressDigits(text),
    };

    private int AddressDigits(string text) => _is64 ? 16 : FieldReader.EightOrSixteen(text);

    private ulong Number(int line, string name, string text, int bits, int digits)
    {
        if (FieldReader.IsCut(text, digits))
        {
            _cut ??= FieldReader.Rest(line, name, text);
            return 0;
        }

        ulong value = FieldReader.Hexadecimal(_file, line, name, text);
        return bits < 64 && value >> bits != 0 ? throw DumpErrors.TooLarge(_file, line, name, text, bits) : value;
    }

    private void Once(int line, string name, string text)
    {
        if (_seen.TryGetValue(name, out string? before) && before != text) throw DumpErrors.Twice(_file, line, name);
        _seen[name] = text;
    }

    private static GuestCode ReadCode(Match match)
    {
        List<byte?> bytes = [];
        int at = -1;
        foreach (Capture capture in match.Groups["byte"].Captures)
        {
            string digits = capture.Value.Trim('<', '>');
            if (digits.Length != capture.Length && at < 0) at = bytes.Count;
            bytes.Add(digits == "??" ? null : Convert.ToByte(digits, 16));
        }

        return new GuestCode([.. bytes], at);
    }

    [GeneratedRegex(@"^[ER]AX\s?=\s?[0-9a-fA-F]")]
    private static partial Regex First();

    [GeneratedRegex(
        @"(?<!\w)(?<name>[ER](?<short>[ABCD]X|[SD]I|[SBI]P|FL)|R(?:8|9|1[0-5])|CR[0234]|DR[67]|EFER|SMM)\s{0,4}=\s{0,4}(?<value>[^\s\[,]+)")]
    private static partial Regex Registers();

    [GeneratedRegex(
        @"(?<!\w)(?<name>[CDSEFG]S|LDT|TR)\s{0,4}=\s{0,4}(?<selector>[^\s=]+)\s{1,8}(?<base>[^\s=]+)\s{1,8}(?<limit>[^\s=]+)\s{1,8}(?<flags>[^\s=]+)")]
    private static partial Regex Segments();

    [GeneratedRegex(@"(?<!\w)(?<name>GDT|IDT)\s{0,4}=\s{0,12}(?<base>[^\s=]+)\s{1,8}(?<limit>[^\s=]+)")]
    private static partial Regex Tables();

    [GeneratedRegex(@"(?<!\w)Code\s{0,2}=\s{0,4}(?:(?<byte><(?:[0-9a-fA-F]{2}|\?\?)>|[0-9a-fA-F]{2}|\?\?)(?:\s{1,4}|$)){1,64}")]
    private static partial Regex Code();
}
