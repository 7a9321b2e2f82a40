using Vitrine.X86.Registers;
using static Vitrine.X86.VmEntry.VmcsField;

namespace Vitrine.X86.VmEntry.Rules;

/// <summary>Checks on control registers, debug registers, MSRs and descriptor tables of the guest (SDM vol. 3, 26.3.1.1 and 26.3.1.3).</summary>
internal static class VmxRegisterRules
{
    private const string Section = "26.3.1.1";
    private const string Msrs = "User space put an MSR without the check that WRMSR would have made (KVM_SET_SREGS, KVM_SET_MSRS), or a state file is damaged.";

    // IA32_DEBUGCTL: bits 5:3 and 63:16.
    private const ulong DebugCtlReserved = 0x38 | (ulong.MaxValue << 16);

    /// <summary>The rules, in the manual's order.</summary>
    public static IEnumerable<VmxRule> All =>
    [
        Rule("guest.cr0.fixed", [GuestCr0, PrimaryControls, SecondaryControls],
            "CR0.NE is one and bits 63:32 are zero; without unrestricted guest PE and PG are one too.",
            "Real mode or paging off was entered as it is, on a processor without unrestricted guest.",
            v =>
            {
                ulong required = Cr0.NE | (v.Unrestricted ? 0 : Cr0.PE | Cr0.PG);
                return (v.Cr0 & required) == required && v.Cr0 <= uint.MaxValue;
            }),
        Rule("guest.cr0.paging", [GuestCr0],
            "CR0.PG needs CR0.PE.", "A VMM set up page tables for its guest and forgot protected mode.",
            v => (v.Cr0 & Cr0.PE) != 0, v => v.Paging),
        Rule("guest.cr4.fixed", [GuestCr4],
            "CR4.VMXE is one, and no bit is one that this processor doesn't have.", "The guest was started with a feature of another processor, such as after a migration.",
            v => (v.Cr4 & Cr4.VMXE) != 0 && (v.Cr4 & ~(v.Environment.Cr4Supported | Cr4.VMXE)) == 0),
        Rule("guest.cr4.cet", [GuestCr0, GuestCr4],
            "CR4.CET needs CR0.WP.", "CET was turned on by a VMM that builds the state itself.",
            v => (v.Cr0 & Cr0.WP) != 0, v => (v.Cr4 & Cr4.CET) != 0),
        Rule("guest.debugctl", [GuestDebugCtl, EntryControls],
            "IA32_DEBUGCTL has no reserved bit.", Msrs,
            v => (v[GuestDebugCtl] & DebugCtlReserved) == 0, v => v.Has(EntryControls, VmxControl.DebugControls)),
        Rule("guest.ia32e.paging", [GuestCr0, EntryControls],
            "IA-32e mode needs CR0.PG.", "EFER.LMA was set for a guest that hasn't turned on paging: long mode begins with CR0.PG.",
            v => v.Paging, v => v.Ia32e),
        Rule("guest.ia32e.pae", [GuestCr4, EntryControls],
            "IA-32e mode needs CR4.PAE.", "A VMM set up long mode and forgot CR4.PAE.",
            v => (v.Cr4 & Cr4.PAE) != 0, v => v.Ia32e),
        Rule("guest.cr4.pcide", [GuestCr4, EntryControls],
            "CR4.PCIDE needs IA-32e mode.", "A guest with PCIDs left long mode, or EFER.LMA was forgotten.",
            v => (v.Cr4 & Cr4.PCIDE) == 0, v => !v.Ia32e),
        Rule("guest.cr3", [GuestCr3],
            "CR3 has no bit beyond the physical-address width, but those of linear-address masking.",
            "CR3 holds a virtual address, or its no-flush bit 63 was kept.",
            v => (v[GuestCr3] & v.BeyondPhysical & ~v.MaskingBits) == 0),
        Rule("guest.dr7", [GuestDr7, EntryControls],
            "Bits 63:32 of DR7 are zero.", "The debug registers were put from a sign-extended value.",
            v => v[GuestDr7] <= uint.MaxValue, v => v.Has(EntryControls, VmxControl.DebugControls)),
        Canonical("guest.sysenter-esp", Section, GuestSysenterEsp, Msrs),
        Canonical("guest.sysenter-eip", Section, GuestSysenterEip, Msrs),
        Rule("guest.pat", [GuestPat, EntryControls],
            "Each byte of IA32_PAT is 0, 1, 4, 5, 6 or 7.", Msrs,
            v => PatValue.IsValid(v[GuestPat]), v => v.Has(EntryControls, VmxControl.LoadPat)),
        Rule("guest.efer.reserved", [GuestEfer, EntryControls],
            "IA32_EFER has only SCE, LME, LMA and NXE.", Msrs,
            v => (v[GuestEfer] & ~Efer.Defined) == 0, v => v.Has(EntryControls, VmxControl.LoadEfer)),
        Rule("guest.efer.lma", [GuestEfer, EntryControls],
            "IA32_EFER.LMA is the control \"IA-32e mode guest\".", "The hypervisor followed a change of mode in one of the two only.",
            v => ((v[GuestEfer] & Efer.LMA) != 0) == v.Ia32e, v => v.Has(EntryControls, VmxControl.LoadEfer)),
        Rule("guest.efer.lme", [GuestEfer, GuestCr0, EntryControls],
            "With paging on, IA32_EFER.LME and LMA agree.", "A VMM set EFER.LME with paging and forgot EFER.LMA.",
            v => ((v[GuestEfer] & Efer.LME) != 0) == ((v[GuestEfer] & Efer.LMA) != 0), v => v.Has(EntryControls, VmxControl.LoadEfer) && v.Paging),
    ];

    /// <summary>The rules of 26.3.1.3.</summary>
    public static IEnumerable<VmxRule> DescriptorTables =>
    [
        Canonical("guest.gdtr.base", "26.3.1.3", GuestGdtrBase, "GDTR was put from an uninitialised structure."),
        Canonical("guest.idtr.base", "26.3.1.3", GuestIdtrBase, "IDTR was put from an uninitialised structure."),
        Limit("guest.gdtr.limit", GuestGdtrLimit),
        Limit("guest.idtr.limit", GuestIdtrLimit),
    ];

    private static VmxRule Canonical(string id, string section, VmcsField field, string cause) =>
        new(EntryRefusal.VmxGuest, id, section, [field, GuestCr4], $"{Name(field)} is canonical.", cause, v => v.Canonical(v[field]));

    private static VmxRule Limit(string id, VmcsField field) =>
        new(EntryRefusal.VmxGuest, id, "26.3.1.3", [field], $"Bits 31:16 of {Name(field)} are zero.", "The limit was put as a segment's, with granularity applied.",
            v => v[field] <= 0xFFFF);

    private static string Name(VmcsField field) => field.Describe().Name["Guest ".Length..];

    private static VmxRule Rule(
        string id, ReadOnlySpan<VmcsField> fields, string text, string cause, Func<VmxView, bool> holds, Func<VmxView, bool>? applies = null) =>
        new(EntryRefusal.VmxGuest, id, Section, fields, text, cause, holds, applies);
}
