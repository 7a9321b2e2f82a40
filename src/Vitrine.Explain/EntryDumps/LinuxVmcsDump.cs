using System.Text.RegularExpressions;
using Vitrine.X86.VmEntry;
using static Vitrine.X86.VmEntry.VmcsField;

namespace Vitrine.Explain.EntryDumps;

/// <summary>
/// What kvm_intel prints with dump_invalid_vmcs=1 (Linux 4.x to 6.x): three sections of "name = value" pairs. Names repeat between sections, and
/// some belong to the label before them ("CS:   sel=0x0008, attr=0x0a09b, ..."). Lines of other origin and names not known here are passed over.
/// </summary>
internal sealed partial class LinuxVmcsDump
{
    public const string Start = "*** Guest State ***";
    private const string HostStart = "*** Host State ***";
    private const string ControlStart = "*** Control State ***";
    private const string SysenterEntry = "CS:RIP";

    // A field without which there is no point in checking, by the section that has it.
    private static readonly (Section Section, VmcsField Field, string Name)[] s_needed =
    [
        (Section.Guest, GuestCr0, "CR0"), (Section.Guest, GuestCr4, "CR4"), (Section.Guest, GuestRip, "RIP"), (Section.Guest, GuestRflags, "RFLAGS"),
        (Section.Guest, GuestCsAccess, "CS"), (Section.Guest, GuestTrAccess, "TR"), (Section.Guest, GuestActivity, "ActivityState"),
        (Section.Host, HostRip, "RIP of the host"), (Section.Host, HostCr4, "CR4 of the host"),
        (Section.Control, PinControls, "PinBased"), (Section.Control, PrimaryControls, "CPUBased"), (Section.Control, EntryControls, "EntryControls"),
        (Section.Control, ExitControls, "ExitControls"), (Section.Control, EntryEvent, "intr_info of VMEntry"),
    ];

    private static readonly Dictionary<(Section, string), VmcsField> s_names = Names();

    private readonly string _file;
    private readonly Vmcs _vmcs = new();
    private Section _section = Section.Guest;
    private string _label = "";

    private LinuxVmcsDump(string file) => _file = file;

    private enum Section
    {
        Guest,
        Host,
        Control,
    }

    /// <summary>Reads one dump.</summary>
    /// <param name="file">Name of the file, for errors.</param>
    /// <param name="lines">From the line with <see cref="Start"/> to the next dump or the end.</param>
    /// <param name="missing">What is missing for a whole dump; null when nothing is.</param>
    public static Vmcs Read(string file, ReadOnlySpan<DumpLine> lines, out string? missing)
    {
        LinuxVmcsDump dump = new(file);
        bool host = false;
        bool control = false;
        foreach (DumpLine line in lines)
        {
            if (line.Text.StartsWith(HostStart, StringComparison.Ordinal)) (dump._section, host) = (Section.Host, true);
            else if (line.Text.StartsWith(ControlStart, StringComparison.Ordinal)) (dump._section, control) = (Section.Control, true);
            else dump.ReadLine(line);
        }

        missing = !host ? $"'{HostStart}'" : !control ? $"'{ControlStart}'" : null;
        foreach ((Section _, VmcsField field, string name) in s_needed)
        {
            if (missing is null && !dump._vmcs.TryGet(field, out _)) missing = name;
        }

        return dump._vmcs;
    }

    private void ReadLine(DumpLine line)
    {
        foreach (Match pair in Pairs().Matches(line.Text))
        {
            string name = pair.Groups["name"].Value;
            string value = pair.Groups["value"].Value;
            if (pair.Groups["label"].Success) _label = pair.Groups["label"].Value;
            if (name == SysenterEntry && _section != Section.Control)
            {
                ReadSysenter(line.Number, value);
            }
            else if (s_names.TryGetValue((_section, name), out VmcsField field) || s_names.TryGetValue((_section, $"{_label}.{name}"), out field))
            {
                Set(line.Number, name, field, value);
            }
        }
    }

    private void ReadSysenter(int line, string value)
    {
        string[] parts = value.Split(':');
        if (parts.Length != 2) throw DumpErrors.NotANumber(_file, line, SysenterEntry, value, "two hexadecimal numbers with a colon between");
        Set(line, SysenterEntry, _section == Section.Guest ? GuestSysenterCs : HostSysenterCs, parts[0]);
        Set(line, SysenterEntry, _section == Section.Guest ? GuestSysenterEip : HostSysenterEip, parts[1]);
    }

    private void Set(int line, string name, VmcsField field, string text)
    {
        ulong value = FieldReader.Hexadecimal(_file, line, name, text);
        FieldReader.CheckWidth(_file, line, field.Describe(), value, text);
        if (_vmcs.TryGet(field, out ulong known) && known != value) throw DumpErrors.Twice(_file, line, field.Describe().Name);
        _vmcs.Set(field, value);
    }

    private static Dictionary<(Section, string), VmcsField> Names()
    {
        Dictionary<(Section, string), VmcsField> names = new()
        {
            [(Section.Guest, "CR0.actual")] = GuestCr0,
            [(Section.Guest, "CR0.shadow")] = Cr0Shadow,
            [(Section.Guest, "CR0.gh_mask")] = Cr0Mask,
            [(Section.Guest, "CR4.actual")] = GuestCr4,
            [(Section.Guest, "CR4.shadow")] = Cr4Shadow,
            [(Section.Guest, "CR4.gh_mask")] = Cr4Mask,
            [(Section.Guest, "CR3")] = GuestCr3,
            [(Section.Guest, "RSP")] = GuestRsp,
            [(Section.Guest, "RIP")] = GuestRip,
            [(Section.Guest, "RFLAGS")] = GuestRflags,
            [(Section.Guest, "DR7")] = GuestDr7,
            [(Section.Guest, "Sysenter RSP")] = GuestSysenterEsp,
            [(Section.Guest, "GDTR.limit")] = GuestGdtrLimit,
            [(Section.Guest, "GDTR.base")] = GuestGdtrBase,
            [(Section.Guest, "IDTR.limit")] = GuestIdtrLimit,
            [(Section.Guest, "IDTR.base")] = GuestIdtrBase,
            [(Section.Guest, "EFER")] = GuestEfer,
            [(Section.Guest, "PAT")] = GuestPat,
            [(Section.Guest, "DebugCtl")] = GuestDebugCtl,
            [(Section.Guest, "DebugExceptions")] = GuestPendingDebug,
            [(Section.Guest, "Interruptibility")] = GuestInterruptibility,
            [(Section.Guest, "ActivityState")] = GuestActivity,
            [(Section.Host, "RIP")] = HostRip,
            [(Section.Host, "RSP")] = HostRsp,
            [(Section.Host, "FSBase")] = HostFsBase,
            [(Section.Host, "GSBase")] = HostGsBase,
            [(Section.Host, "TRBase")] = HostTrBase,
            [(Section.Host, "GDTBase")] = HostGdtrBase,
            [(Section.Host, "IDTBase")] = HostIdtrBase,
            [(Section.Host, "CR0")] = HostCr0,
            [(Section.Host, "CR3")] = HostCr3,
            [(Section.Host, "CR4")] = HostCr4,
            [(Section.Host, "Sysenter RSP")] = HostSysenterEsp,
            [(Section.Host, "EFER")] = HostEfer,
            [(Section.Host, "PAT")] = HostPat,
            [(Section.Control, "PinBased")] = PinControls,
            [(Section.Control, "CPUBased")] = PrimaryControls,
            [(Section.Control, "SecondaryExec")] = SecondaryControls,
            [(Section.Control, "TertiaryExec")] = TertiaryControls,
            [(Section.Control, "EntryControls")] = EntryControls,
            [(Section.Control, "ExitControls")] = ExitControls,
            [(Section.Control, "ExceptionBitmap")] = ExceptionBitmap,
            [(Section.Control, "PFECmask")] = PageFaultMask,
            [(Section.Control, "PFECmatch")] = PageFaultMatch,
            [(Section.Control, "VMEntry.intr_info")] = EntryEvent,
            [(Section.Control, "VMEntry.errcode")] = EntryErrorCode,
            [(Section.Control, "VMEntry.ilen")] = EntryInstructionLength,
            [(Section.Control, "TSC Offset")] = TscOffset,
            [(Section.Control, "TPR Threshold")] = TprThreshold,
            [(Section.Control, "APIC-access addr")] = ApicAccessAddress,
            [(Section.Control, "virt-APIC addr")] = VirtualApicAddress,
            [(Section.Control, "PostedIntrVec")] = PostedInterruptVector,
            [(Section.Control, "EPT pointer")] = EptPointer,
            [(Section.Control, "Virtual processor ID")] = Vpid,
        };
        for (int i = 0; i < 4; i++) names[(Section.Guest, $"PDPTR{i}")] = GuestPdpte0 + i;
        string[] segments = ["ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR"];
        for (int i = 0; i < segments.Length; i++)
        {
            names[(Section.Guest, $"{segments[i]}.sel")] = GuestEsSelector + i;
            names[(Section.Guest, $"{segments[i]}.attr")] = GuestEsAccess + i;
            names[(Section.Guest, $"{segments[i]}.limit")] = GuestEsLimit + i;
            names[(Section.Guest, $"{segments[i]}.base")] = GuestEsBase + i;
        }

        string[] host = ["ES", "CS", "SS", "DS", "FS", "GS", "TR"];
        for (int i = 0; i < host.Length; i++) names[(Section.Host, host[i])] = HostEsSelector + i;
        return names;
    }

    // "label: name = value"; a name may have spaces ("EPT pointer"), and "CS:RIP" is one.
    [GeneratedRegex(@"(?:(?<label>[A-Za-z0-9]+):\s+)?(?<name>[A-Za-z][A-Za-z0-9_|:\-]*(?: [A-Za-z][A-Za-z0-9_|\-]*){0,3})\s*=\s*(?<value>[^\s,]+)")]
    private static partial Regex Pairs();
}
