using static Vitrine.X86.VmEntry.VmcbField;

namespace Vitrine.X86.VmEntry.Rules;

/// <summary>Checks of VMRUN (APM vol. 2, 15.5.1 "Basic Operation", "Canonicalization and Consistency Checks").</summary>
internal static class SvmRules
{
    private const ulong Svme = 1UL << 12;

    // SCE LME LMA NXE SVME LMSLE FFXSR TCE, MCOMMIT, INTWB, UAIE, AIBRSE (APM vol. 2, 3.1.7).
    private const ulong DefinedEfer = Registers.Efer.Defined | 0xF000 | (1UL << 17) | (1UL << 18) | (1UL << 20) | (1UL << 21);
    private const ulong LongAttribute = 0x200;
    private const ulong DefaultAttribute = 0x400;
    private const string Mixed = "A VMM set up long mode by hand and left out a part of it.";
    private const string Uninitialised = "The hypervisor didn't initialise the VMCB.";
    private const string SignExtended = "The value was put sign-extended, or from an uninitialised structure.";

    /// <summary>The rules, in the manual's order.</summary>
    public static IEnumerable<SvmRule> All =>
    [
        Rule("guest.efer.svme", [VmcbField.Efer], "EFER.SVME is one.", "The hypervisor wrote the guest's EFER as it is, without SVME.",
            v => (v[VmcbField.Efer] & Svme) != 0),
        Rule("guest.cr0.cache", [VmcbField.Cr0], "CR0.NW is zero while CR0.CD is zero.", "A guest's CR0 with NW and without CD, which MOV CR0 would have refused.",
            v => (v[VmcbField.Cr0] & (Registers.Cr0.CD | Registers.Cr0.NW)) != Registers.Cr0.NW),
        Rule("guest.cr0.reserved", [VmcbField.Cr0], "Bits 63:32 of CR0 are zero.", SignExtended, v => v[VmcbField.Cr0] <= uint.MaxValue),
        Rule("guest.cr3", [Cr3], "CR3 has no bit beyond the physical-address width.", "CR3 holds a virtual address, or its no-flush bit 63 was kept.",
            v => (v[Cr3] & v.BeyondPhysical) == 0),
        Rule("guest.cr4.reserved", [VmcbField.Cr4], "CR4 has no bit that this processor doesn't have.",
            "The guest was started with a feature of another processor, such as after a migration.",
            v => (v[VmcbField.Cr4] & ~v.Cr4Supported) == 0),
        Rule("guest.dr6", [VmcbField.Dr6], "Bits 63:32 of DR6 are zero.", SignExtended, v => v[VmcbField.Dr6] <= uint.MaxValue),
        Rule("guest.dr7", [VmcbField.Dr7], "Bits 63:32 of DR7 are zero.", SignExtended, v => v[VmcbField.Dr7] <= uint.MaxValue),
        Rule("guest.efer.reserved", [VmcbField.Efer], "EFER has no reserved bit.",
            "User space put EFER without the check that WRMSR would have made: KVM_SET_SREGS accepts reserved bits.",
            v => (v[VmcbField.Efer] & ~DefinedEfer) == 0),
        Rule("guest.long-mode.pae", [VmcbField.Cr4, VmcbField.Efer, VmcbField.Cr0], "Long mode with paging needs CR4.PAE.", Mixed,
            v => (v[VmcbField.Cr4] & Registers.Cr4.PAE) != 0, v => v.LongModePaging),
        Rule("guest.long-mode.protection", [VmcbField.Cr0, VmcbField.Efer], "Long mode with paging needs CR0.PE.", Mixed,
            v => (v[VmcbField.Cr0] & Registers.Cr0.PE) != 0, v => v.LongModePaging),
        Rule("guest.long-mode.code", [CsAttributes, VmcbField.Efer, VmcbField.Cr0, VmcbField.Cr4], "In long mode CS hasn't both L and D.",
            "The 64-bit code segment was built from a 32-bit one with D left set.",
            v => (v[CsAttributes] & (LongAttribute | DefaultAttribute)) != (LongAttribute | DefaultAttribute),
            v => v.LongModePaging && (v[VmcbField.Cr4] & Registers.Cr4.PAE) != 0),
        Rule("control.vmrun-intercept", [Intercept2], "VMRUN is intercepted.", Uninitialised, v => (v[Intercept2] & 1) != 0),
        Rule("control.iopm-base", [IopmBase], "The I/O permission map lies within the physical-address width.", Uninitialised,
            v => (v[IopmBase] & v.BeyondPhysical) == 0),
        Rule("control.msrpm-base", [MsrpmBase], "The MSR permission map lies within the physical-address width.", Uninitialised,
            v => (v[MsrpmBase] & v.BeyondPhysical) == 0),
        Rule("control.event", [EventInjection], "The injected event has type 0, 2, 3 or 4, and an exception a vector up to 31 that isn't 2.",
            "User space put an event that can't be (KVM_SET_VCPU_EVENTS), or a nested hypervisor did.",
            v => v.EventType switch
            {
                InjectedEvent.ExternalInterrupt or InjectedEvent.Nmi or InjectedEvent.SoftwareInterrupt => true,
                InjectedEvent.HardwareException => v.EventVector is <= 31 and not 2,
                _ => false,
            },
            v => v.Injects, "15.20"),
        Rule("control.asid", [GuestAsid], "The ASID isn't zero: zero is the host's.", Uninitialised, v => v[GuestAsid] != 0),
        Rule("control.nested-cr3", [NestedCr3, NestedControl], "N_CR3 has no bit beyond the physical-address width.", "The root is no physical address of this host.",
            v => (v[NestedCr3] & v.BeyondPhysical) == 0, v => v.NestedPaging, "15.25.3"),
        Rule("guest.pat", [GuestPat, NestedControl], "With nested paging each byte of G_PAT is 0, 1, 4, 5, 6 or 7.", Uninitialised,
            v => PatValue.IsValid(v[GuestPat]), v => v.NestedPaging, "15.25.8"),
    ];

    private static SvmRule Rule(
        string id, ReadOnlySpan<VmcbField> fields, string text, string cause, Func<SvmView, bool> holds, Func<SvmView, bool>? applies = null, string section = "15.5.1") =>
        new(id, section, fields, text, cause, holds, applies);
}
