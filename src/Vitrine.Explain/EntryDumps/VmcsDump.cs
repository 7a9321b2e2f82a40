using System.Text.RegularExpressions;
using Vitrine.X86.VmEntry;
using static Vitrine.Explain.EntryDumps.VmcsDumpSection;
using static Vitrine.X86.VmEntry.VmcsField;

namespace Vitrine.Explain.EntryDumps;

/// <summary>
/// What kvm_intel prints with dump_invalid_vmcs=1 (Linux 4.x to 6.x), and what Xen prints when an entry fails: three sections of "name = value" pairs.
/// Names repeat between sections, and some belong to the label before them ("CS:   sel=0x0008, attr=0x0a09b, ..."). Xen has the segments as a
/// table ("  CS: 0008 0a09b ffffffff 0000000000000000"). Lines of other origin and names not known here are passed over.
/// </summary>
internal sealed partial class VmcsDump
{
    public const string Start = "*** Guest State ***";
    private const string HostStart = "*** Host State ***";
    private const string ControlStart = "*** Control State ***";
    private const string SysenterEntry = "CS:RIP";
    private const string ExitLabel = "VMExit";
    private const int SelectorDigits = 4;
    private const int AddressDigits = 16;

    // A field without which there is no point in checking, by the section that has it.
    private static readonly (VmcsField Field, string Name)[] s_needed =
    [
        (GuestCr0, "CR0"), (GuestCr4, "CR4"), (GuestRip, "RIP"), (GuestRflags, "RFLAGS"), (GuestCsAccess, "CS"), (GuestTrAccess, "TR"),
        (GuestActivity, "ActivityState"), (HostRip, "RIP of the host"), (HostCr4, "CR4 of the host"), (PinControls, "PinBased"), (PrimaryControls, "CPUBased"),
        (EntryControls, "EntryControls"), (ExitControls, "ExitControls"), (EntryEvent, "intr_info of VMEntry"),
    ];

    private readonly string _file;
    private readonly DumpText _text;
    private readonly int _host;
    private readonly int _control;
    private readonly Vmcs _vmcs = new();
    private string _label = "";
    private uint? _reason;
    private string? _cut;
    private ulong _qualification;

    private VmcsDump(string file, ReadOnlySpan<DumpLine> lines)
    {
        _file = file;
        _text = new DumpText(lines);
        _host = _text.Text.IndexOf(HostStart, StringComparison.Ordinal);
        _control = _text.Text.IndexOf(ControlStart, StringComparison.Ordinal);
    }

    /// <summary>Reads one dump.</summary>
    /// <param name="file">Name of the file, for errors.</param>
    /// <param name="lines">From the line with <see cref="Start"/> to the next dump or the end.</param>
    /// <param name="missing">What is missing for a whole dump; null when nothing is.</param>
    public static (string Format, EntryArea Area, RunEnd End) Read(string file, ReadOnlySpan<DumpLine> lines, out string? missing)
    {
        VmcsDump dump = new(file, lines);
        bool table = dump.ReadSegmentTable();
        foreach (Match pair in Pairs().Matches(dump._text.Text)) dump.ReadPair(pair);
        missing = dump._cut ?? (dump._host < 0 ? $"'{HostStart}'" : dump._control < 0 ? $"'{ControlStart}'" : null);
        foreach ((VmcsField field, string name) in s_needed)
        {
            if (missing is null && !dump._vmcs.TryGet(field, out _)) missing = name;
        }

        RunEnd end = dump._reason is { } reason ? RunEnd.OfVmx(reason, dump._qualification) : RunEnd.NotSaid;
        return (table ? "a VMCS as Xen prints it" : "a VMCS as Linux prints it", dump._vmcs, end);
    }

    private bool ReadSegmentTable()
    {
        bool any = false;
        foreach (Match row in SegmentRows().Matches(_text.Text))
        {
            if (SectionAt(row.Index) != Guest) continue;
            string name = row.Groups["name"].Value;
            foreach (string column in (ReadOnlySpan<string>)["sel", "attr", "limit", "base"])
            {
                // The descriptor tables have no selector and no access rights.
                if (row.Groups[column] is { Success: true } value) Set(value, $"{name}.{column}", VmcsDumpNames.All[(Guest, $"{name}.{column}")]);
            }

            any = true;
        }

        return any;
    }

    private void ReadPair(Match pair)
    {
        Group value = pair.Groups["value"];
        string name = Spaces().Replace(pair.Groups["name"].Value, " ");
        if (pair.Groups["label"].Success) _label = pair.Groups["label"].Value;
        VmcsDumpSection section = SectionAt(pair.Groups["name"].Index);
        if (section == Control && _label == ExitLabel) ReadExit(name, value);
        if (name.EndsWith(SysenterEntry, StringComparison.Ordinal) && section != Control)
        {
            ReadSysenter(section, value);
            return;
        }

        // The end of a line before may have been taken for the beginning of the name.
        for (string? rest = name; rest is not null; rest = rest.IndexOf(' ') is var space and >= 0 ? rest[(space + 1)..] : null)
        {
            if (!VmcsDumpNames.All.TryGetValue((section, rest), out VmcsField field) &&
                !VmcsDumpNames.All.TryGetValue((section, $"{_label}.{rest}"), out field)) continue;
            Set(value, rest, field);
            return;
        }
    }

    private void ReadExit(string name, Group value)
    {
        if (name is not ("reason" or "qualification")) return;
        int line = _text.LineAt(value.Index);
        if (IsCut(line, name, value.Value, name == "reason" ? 8 : 16)) return;
        ulong number = FieldReader.Hexadecimal(_file, line, name, value.Value);
        if (name == "qualification") _qualification = number;
        else if (number > uint.MaxValue) throw DumpErrors.TooLarge(_file, line, name, value.Value, 32);
        else _reason = (uint)number;
    }

    private void ReadSysenter(VmcsDumpSection section, Group value)
    {
        int colon = value.Value.IndexOf(':');
        if (colon < 0 && IsCut(_text.LineAt(value.Index), SysenterEntry, value.Value, SelectorDigits)) return;
        if (colon < 0 || value.Value.LastIndexOf(':') != colon)
            throw DumpErrors.NotANumber(_file, _text.LineAt(value.Index), SysenterEntry, value.Value, "two hexadecimal numbers with a colon between");
        Set(value.Index, value.Value[..colon], SysenterEntry, SelectorDigits, section == Guest ? GuestSysenterCs : HostSysenterCs);
        Set(value.Index, value.Value[(colon + 1)..], SysenterEntry, AddressDigits, section == Guest ? GuestSysenterEip : HostSysenterEip);
    }

    private void Set(Group value, string name, VmcsField field) => Set(value.Index, value.Value, name, VmcsDumpNames.Digits(field), field);

    private void Set(int offset, string text, string name, int digits, VmcsField field)
    {
        int line = _text.LineAt(offset);
        if (IsCut(line, name, text, digits)) return;
        ulong value = FieldReader.Hexadecimal(_file, line, name, text);
        FieldReader.CheckWidth(_file, line, field.Describe(), value, text);
        if (_vmcs.TryGet(field, out ulong known) && known != value) throw DumpErrors.Twice(_file, line, field.Describe().Name);
        _vmcs.Set(field, value);
    }

    private bool IsCut(int line, string name, string text, int digits)
    {
        bool cut = FieldReader.IsCut(text, digits);
        if (cut) _cut ??= FieldReader.Rest(line, name, text);
        return cut;
    }

    private VmcsDumpSection SectionAt(int offset) => _control >= 0 && offset >= _control ? Control : _host >= 0 && offset >= _host ? Host : Guest;

    // "label: name = value"; a name may have spaces ("EPT pointer"), "CS:RIP" is one, and Xen says where EFER comes from: "EFER(VMCS) = ".
    [GeneratedRegex(
        @"(?<![\w|:.\-])(?:(?<label>[A-Za-z0-9]{1,16}):\s{1,60})?(?<name>[A-Za-z][A-Za-z0-9_|:\-]{0,24}(?:\s{1,8}[A-Za-z][A-Za-z0-9_|:\-]{0,24}){0,3})" +
        @"(?:\([A-Z ]{1,8}\))?\s{0,40}=\s{0,40}(?<value>[^\s,]*)")]
    private static partial Regex Pairs();

    [GeneratedRegex(
        @"(?<!\w)(?:(?<name>[CDSEFG]S|LDTR|TR):\s{1,20}(?<sel>[^\s=]+)\s{1,20}(?<attr>[^\s=]+)|(?<name>GDTR|IDTR):)" +
        @"\s{1,40}(?<limit>[^\s=]+)\s{1,20}(?<base>[^\s=]+)(?![^\s])")]
    private static partial Regex SegmentRows();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
