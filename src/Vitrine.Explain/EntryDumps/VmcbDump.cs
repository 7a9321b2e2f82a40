using System.Text.RegularExpressions;
using Vitrine.X86.VmEntry;
using static Vitrine.X86.VmEntry.VmcbField;

namespace Vitrine.Explain.EntryDumps;

/// <summary>
/// What kvm_amd prints with dump_invalid_vmcb=1 (Linux 4.x to 6.x): a control area with one "name: value" a line, then a save area with segments
/// ("cs:   s: 0010 a: 0a9b l: ffffffff b: 0000000000000000") and two pairs a line. Names not known here are passed over.
/// </summary>
internal sealed partial class VmcbDump
{
    public const string Start = "VMCB Control Area";
    private const string SaveStart = "VMCB State Save Area";

    private static readonly (VmcbField Field, string Name)[] s_needed =
    [
        (Intercept2, "intercepts"), (GuestAsid, "asid"), (NestedControl, "nested_ctl"), (EventInjection, "event_inj"), (CsAttributes, "cs"), (TrAttributes, "tr"),
        (Efer, "efer"), (Cr0, "cr0"), (Cr4, "cr4"), (Dr7, "dr7"), (Rip, "rip"),
    ];

    // Fields that are one name and one number.
    private static readonly Dictionary<string, (VmcbField Field, bool Decimal)> s_names = new()
    {
        ["exceptions"] = (InterceptExceptions, false),
        ["iopm_base_pa"] = (IopmBase, false),
        ["msrpm_base_pa"] = (MsrpmBase, false),
        ["tsc_offset"] = (TscOffset, false),
        ["asid"] = (GuestAsid, true),
        ["tlb_ctl"] = (TlbControl, true),
        ["int_state"] = (InterruptShadow, false),
        ["nested_ctl"] = (NestedControl, true),
        ["nested_cr3"] = (NestedCr3, false),
        ["next_rip"] = (NextRip, false),
        ["cpl"] = (Cpl, true),
        ["efer"] = (Efer, false),
        ["cr0"] = (Cr0, false),
        ["cr2"] = (Cr2, false),
        ["cr3"] = (Cr3, false),
        ["cr4"] = (Cr4, false),
        ["dr6"] = (Dr6, false),
        ["dr7"] = (Dr7, false),
        ["rip"] = (Rip, false),
        ["rflags"] = (Rflags, false),
        ["rsp"] = (Rsp, false),
        ["rax"] = (Rax, false),
        ["star"] = (Star, false),
        ["lstar"] = (Lstar, false),
        ["cstar"] = (Cstar, false),
        ["sfmask"] = (Sfmask, false),
        ["kernel_gs_base"] = (KernelGsBase, false),
        ["sysenter_cs"] = (SysenterCs, false),
        ["sysenter_esp"] = (SysenterEsp, false),
        ["sysenter_eip"] = (SysenterEip, false),
        ["gpat"] = (GuestPat, false),
        ["dbgctl"] = (DebugCtl, false),
    };

    // Halves of fields: low or high part, and its width.
    private static readonly Dictionary<string, (VmcbField Field, int Shift, int Bits)> s_parts = new()
    {
        ["cr_read"] = (InterceptCr, 0, 16),
        ["cr_write"] = (InterceptCr, 16, 16),
        ["dr_read"] = (InterceptDr, 0, 16),
        ["dr_write"] = (InterceptDr, 16, 16),
        ["int_ctl"] = (VirtualInterrupt, 0, 32),
        ["int_vector"] = (VirtualInterrupt, 32, 32),
        ["event_inj"] = (EventInjection, 0, 32),
        ["event_inj_err"] = (EventInjection, 32, 32),
    };

    private static readonly Dictionary<string, VmcbField> s_segments = new()
    {
        ["es"] = EsSelector,
        ["cs"] = CsSelector,
        ["ss"] = SsSelector,
        ["ds"] = DsSelector,
        ["fs"] = FsSelector,
        ["gs"] = GsSelector,
        ["ldtr"] = LdtrSelector,
        ["tr"] = TrSelector,
    };

    private readonly string _file;
    private readonly DumpText _text;
    private readonly Vmcb _vmcb = new();
    private readonly Dictionary<string, string> _seen = [];
    private ulong? _exitCode;
    private string? _cut;

    private VmcbDump(string file, ReadOnlySpan<DumpLine> lines)
    {
        _file = file;
        _text = new DumpText(lines);
    }

    /// <summary>Reads one dump.</summary>
    /// <param name="file">Name of the file, for errors.</param>
    /// <param name="lines">From the line with <see cref="Start"/> to the next dump or the end.</param>
    /// <param name="missing">What is missing for a whole dump; null when nothing is.</param>
    public static (string Format, EntryArea Area, RunEnd End) Read(string file, ReadOnlySpan<DumpLine> lines, out string? missing)
    {
        VmcbDump dump = new(file, lines);
        foreach (Match segment in Segments().Matches(dump._text.Text)) dump.ReadSegment(dump._text.LineAt(segment.Groups["limit"].Index), segment);
        foreach (Match words in Intercepts().Matches(dump._text.Text))
            dump.ReadIntercepts(dump._text.LineAt(words.Index), words.Groups["first"].Value, words.Groups["second"].Value);
        foreach (Match pair in Pairs().Matches(dump._text.Text)) dump.ReadPair(pair);
        missing = dump._cut ?? (dump._text.Text.Contains(SaveStart, StringComparison.Ordinal) ? null : $"'{SaveStart}:'");
        foreach ((VmcbField field, string name) in s_needed)
        {
            if (missing is null && !dump._vmcb.TryGet(field, out _)) missing = name;
        }

        return ("a VMCB as Linux prints it", dump._vmcb, dump._exitCode is { } code ? RunEnd.OfSvm(code) : RunEnd.NotSaid);
    }

    private void ReadPair(Match pair)
    {
        string name = pair.Groups["name"].Value;
        string value = pair.Groups["value"].Value;
        int line = _text.LineAt(pair.Groups["value"].Index);
        if (s_names.TryGetValue(name, out (VmcbField Field, bool Decimal) known))
        {
            // A decimal number isn't padded: only where nothing is left of it is it known to be cut off.
            if (!known.Decimal) SetHexadecimal(line, name, known.Field, value);
            else if (!IsCut(line, name, value, 1)) Set(line, name, known.Field, FieldReader.Decimal(_file, line, name, value), value);
        }
        else if (s_parts.TryGetValue(name, out (VmcbField Field, int Shift, int Bits) part))
        {
            SetPart(line, name, part, value);
        }
        else if (name == "exit_code" && !IsCut(line, name, value, FieldReader.EightOrSixteen(value)))
        {
            _exitCode = FieldReader.Hexadecimal(_file, line, name, value);
        }
    }

    private void ReadSegment(int line, Match match)
    {
        string name = match.Groups["name"].Value;
        (string limit, string address) = (match.Groups["limit"].Value, match.Groups["base"].Value);
        if (name is "gdtr" or "idtr")
        {
            SetHexadecimal(line, name, name == "gdtr" ? GdtrLimit : IdtrLimit, limit);
            SetHexadecimal(line, name, name == "gdtr" ? GdtrBase : IdtrBase, address);
        }
        else if (s_segments.TryGetValue(name, out VmcbField selector))
        {
            SetHexadecimal(line, name, selector, match.Groups["selector"].Value);
            SetHexadecimal(line, name, selector + 1, match.Groups["attributes"].Value);
            SetHexadecimal(line, name, selector + 2, limit);
            SetHexadecimal(line, name, selector + 3, address);
        }
    }

    // One number of 64 bits up to Linux 5.9, then two of 32 and later more; the second has VMRUN in bit 0.
    private void ReadIntercepts(int line, string first, string second)
    {
        const string Name = "intercepts";
        if (second.Length == 0)
        {
            if (IsCut(line, Name, first, 16)) return;
            ulong both = FieldReader.Hexadecimal(_file, line, Name, first);
            Set(line, Name, Intercept1, both & uint.MaxValue, first);
            Set(line, Name, Intercept2, both >> 32, first);
            return;
        }

        SetHexadecimal(line, Name, Intercept1, first);
        SetHexadecimal(line, Name, Intercept2, second);
    }

    private void SetPart(int line, string name, (VmcbField Field, int Shift, int Bits) part, string text)
    {
        if (_seen.TryGetValue(name, out string? before) && before != text) throw DumpErrors.Twice(_file, line, name);
        _seen[name] = text;
        if (IsCut(line, name, text, part.Bits / 4)) return;
        ulong value = FieldReader.Hexadecimal(_file, line, name, text);
        if (value >> part.Bits != 0) throw DumpErrors.TooLarge(_file, line, name, text, part.Bits);
        _vmcb.TryGet(part.Field, out ulong present);
        _vmcb.Set(part.Field, present | (value << part.Shift));
    }

    private void SetHexadecimal(int line, string name, VmcbField field, string text)
    {
        // The interrupt shadow is the one field that is printed shorter than it is.
        if (!IsCut(line, name, text, field == InterruptShadow ? 8 : field.Describe().Bits / 4))
            Set(line, name, field, FieldReader.Hexadecimal(_file, line, name, text), text);
    }

    private bool IsCut(int line, string name, string text, int digits)
    {
        bool cut = FieldReader.IsCut(text, digits);
        if (cut) _cut ??= FieldReader.Rest(line, name, text);
        return cut;
    }

    private void Set(int line, string name, VmcbField field, ulong value, string text)
    {
        FieldReader.CheckWidth(_file, line, field.Describe(), value, text);
        if (_vmcb.TryGet(field, out ulong known) && known != value) throw DumpErrors.Twice(_file, line, name);
        _vmcb.Set(field, value);
    }

    [GeneratedRegex(
        @"(?<!\w)(?<name>[a-z]{2,4}):\s{1,20}s:\s{0,20}(?<selector>\S+)\s{1,20}a:\s{0,20}(?<attributes>\S+)\s{1,20}l:\s{0,20}(?<limit>\S+)" +
        @"\s{1,20}b:\s{0,20}(?<base>\S+)")]
    private static partial Regex Segments();

    [GeneratedRegex(@"(?<!\w)intercepts:\s{0,40}(?<first>\S+)(?:\s{1,20}(?<second>[0-9a-fA-F]{8})(?!\S))?")]
    private static partial Regex Intercepts();

    [GeneratedRegex(@"(?<!\w)(?<name>[a-z][a-z0-9_]{0,30}):\s{0,40}(?<value>\S*)")]
    private static partial Regex Pairs();
}
