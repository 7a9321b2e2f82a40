using Vitrine.X86.VmEntry;
using static Vitrine.Explain.EntryDumps.VmcsDumpSection;
using static Vitrine.X86.VmEntry.VmcsField;

namespace Vitrine.Explain.EntryDumps;

/// <summary>The names that Linux (4.x to 6.x) and Xen (4.x) print for fields, by section; "CS.sel" is the name sel after the label CS.</summary>
internal static class VmcsDumpNames
{
    /// <summary>The fields.</summary>
    public static IReadOnlyDictionary<(VmcsDumpSection Section, string Name), VmcsField> All { get; } = Build();

    /// <summary>The fewest digits that Linux and Xen print a field with: all that it has, but for the few that their formats make shorter.</summary>
    public static int Digits(VmcsField field) => field switch
    {
        >= GuestEsAccess and <= GuestTrAccess => 5,
        GuestRflags => 8,
        TprThreshold or PostedInterruptVector => 2,
        Cr3TargetCount => 1,
        _ => field.Describe().Bits / 4,
    };

    private static Dictionary<(VmcsDumpSection, string), VmcsField> Build()
    {
        Dictionary<(VmcsDumpSection, string), VmcsField> names = new()
        {
            [(Guest, "CR0.actual")] = GuestCr0,
            [(Guest, "CR0.shadow")] = Cr0Shadow,
            [(Guest, "CR0.gh_mask")] = Cr0Mask,
            [(Guest, "CR4.actual")] = GuestCr4,
            [(Guest, "CR4.shadow")] = Cr4Shadow,
            [(Guest, "CR4.gh_mask")] = Cr4Mask,
            [(Guest, "CR3")] = GuestCr3,
            [(Guest, "CR3.actual")] = GuestCr3,
            [(Guest, "CR3.target_count")] = Cr3TargetCount,
            [(Guest, "RSP")] = GuestRsp,
            [(Guest, "RIP")] = GuestRip,
            [(Guest, "RFLAGS")] = GuestRflags,
            [(Guest, "DR7")] = GuestDr7,
            [(Guest, "Sysenter RSP")] = GuestSysenterEsp,
            [(Guest, "GDTR.limit")] = GuestGdtrLimit,
            [(Guest, "GDTR.base")] = GuestGdtrBase,
            [(Guest, "IDTR.limit")] = GuestIdtrLimit,
            [(Guest, "IDTR.base")] = GuestIdtrBase,
            [(Guest, "EFER")] = GuestEfer,
            [(Guest, "PAT")] = GuestPat,
            [(Guest, "DebugCtl")] = GuestDebugCtl,
            [(Guest, "DebugExceptions")] = GuestPendingDebug,
            [(Guest, "Interruptibility")] = GuestInterruptibility,
            [(Guest, "ActivityState")] = GuestActivity,
            [(Host, "RIP")] = HostRip,
            [(Host, "RSP")] = HostRsp,
            [(Host, "FSBase")] = HostFsBase,
            [(Host, "GSBase")] = HostGsBase,
            [(Host, "TRBase")] = HostTrBase,
            [(Host, "GDTBase")] = HostGdtrBase,
            [(Host, "IDTBase")] = HostIdtrBase,
            [(Host, "CR0")] = HostCr0,
            [(Host, "CR3")] = HostCr3,
            [(Host, "CR4")] = HostCr4,
            [(Host, "Sysenter RSP")] = HostSysenterEsp,
            [(Host, "EFER")] = HostEfer,
            [(Host, "PAT")] = HostPat,
            [(Control, "PinBased")] = PinControls,
            [(Control, "CPUBased")] = PrimaryControls,
            [(Control, "SecondaryExec")] = SecondaryControls,
            [(Control, "TertiaryExec")] = TertiaryControls,
            [(Control, "EntryControls")] = EntryControls,
            [(Control, "ExitControls")] = ExitControls,
            [(Control, "ExceptionBitmap")] = ExceptionBitmap,
            [(Control, "PFECmask")] = PageFaultMask,
            [(Control, "PFECmatch")] = PageFaultMatch,
            [(Control, "VMEntry.intr_info")] = EntryEvent,
            [(Control, "VMEntry.errcode")] = EntryErrorCode,
            [(Control, "VMEntry.ilen")] = EntryInstructionLength,
            [(Control, "TSC Offset")] = TscOffset,
            [(Control, "TPR Threshold")] = TprThreshold,
            [(Control, "APIC-access addr")] = ApicAccessAddress,
            [(Control, "virt-APIC addr")] = VirtualApicAddress,
            [(Control, "PostedIntrVec")] = PostedInterruptVector,
            [(Control, "EPT pointer")] = EptPointer,
            [(Control, "Virtual processor ID")] = Vpid,
        };
        for (int i = 0; i < 4; i++) names[(Guest, $"PDPTR{i}")] = names[(Guest, $"PDPTE{i}")] = GuestPdpte0 + i;
        string[] segments = ["ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR"];
        for (int i = 0; i < segments.Length; i++)
        {
            names[(Guest, $"{segments[i]}.sel")] = GuestEsSelector + i;
            names[(Guest, $"{segments[i]}.attr")] = GuestEsAccess + i;
            names[(Guest, $"{segments[i]}.limit")] = GuestEsLimit + i;
            names[(Guest, $"{segments[i]}.base")] = GuestEsBase + i;
        }

        string[] host = ["ES", "CS", "SS", "DS", "FS", "GS", "TR"];
        for (int i = 0; i < host.Length; i++) names[(Host, host[i])] = HostEsSelector + i;
        return names;
    }
}
