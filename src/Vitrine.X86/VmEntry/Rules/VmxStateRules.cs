using Vitrine.X86.Registers;
using static Vitrine.X86.VmEntry.VmcsField;

namespace Vitrine.X86.VmEntry.Rules;

/// <summary>Checks on RIP, RFLAGS, non-register state and PDPTEs of the guest (SDM vol. 3, 26.3.1.4 to 26.3.1.6).</summary>
internal static class VmxStateRules
{
    private const string NonRegister = "26.3.1.5";
    private const string Shadow = "KVM_SET_VCPU_EVENTS put an interrupt shadow that doesn't go with RFLAGS or with the injected event.";
    private const ulong LongCode = 0x2000;

    private const ulong BlockingBySti = 1, BlockingByMovSs = 2, BlockingBySmi = 4, BlockingByNmi = 8, InEnclave = 16;
    private const ulong Active = 0, Halted = 1, ShutDown = 2, WaitForSipi = 3;
    private const ulong SingleStep = 1 << 14;

    // Bits 11:4, 13, 15 and 63:17. (Newer processors use bit 11 for bus-lock detection.)
    private const ulong PendingDebugReserved = 0x7F0 | (1 << 13) | (1 << 15) | (ulong.MaxValue << 17);

    /// <summary>The rules, in the manual's order.</summary>
    public static IEnumerable<VmxRule> All => [.. RipAndRflags, .. Activity, .. Interruptibility, .. PendingDebug, Link, .. Pdptes()];

    private static IEnumerable<VmxRule> RipAndRflags =>
    [
        Rule("guest.rip", "26.3.1.4", [GuestRip, GuestCsAccess, EntryControls],
            "Outside 64-bit code bits 63:32 of RIP are zero; in it the bits beyond the linear-address width are equal.",
            "RIP was set for 64-bit code while CS or EFER say otherwise.",
            v =>
            {
                if (!v.Ia32e || (v.Access(VmxView.Cs) & LongCode) == 0) return v[GuestRip] <= uint.MaxValue;
                // Not the canonical form: the highest bit of the linear address itself may differ, as after the last byte of the lower half.
                int bits = (v.Cr4 & Cr4.LA57) != 0 ? 57 : v.Environment.LinearAddressBits;
                ulong above = v[GuestRip] >> bits;
                return above == 0 || above == ulong.MaxValue >> bits;
            }),
        Rule("guest.rflags.reserved", "26.3.1.4", [GuestRflags],
            "Bit 1 of RFLAGS is one, bits 3, 5, 15 and 63:22 are zero.", "RFLAGS was put as zero: bit 1 is always set.",
            v => (v[GuestRflags] & ~(Rflags.Defined | Rflags.Fixed)) == 0 && (v[GuestRflags] & Rflags.Fixed) != 0),
        Rule("guest.rflags.vm", "26.3.1.4", [GuestRflags, GuestCr0, EntryControls],
            "RFLAGS.VM is zero in real mode and in IA-32e mode.", "A state was put together from parts of different modes.",
            v => !v.Virtual8086, v => v.Ia32e || !v.ProtectedMode),
        Rule("guest.rflags.if", "26.3.1.4", [GuestRflags, EntryEvent],
            "RFLAGS.IF is one when an external interrupt is injected.", "An interrupt was queued without a look at whether the guest takes it (KVM_INTERRUPT).",
            v => (v[GuestRflags] & Rflags.IF) != 0, v => v.Injects && v.EventType == InjectedEvent.ExternalInterrupt),
    ];

    private static IEnumerable<VmxRule> Activity =>
    [
        Rule("guest.activity", NonRegister, [GuestActivity],
            "The activity state is 0 (active), 1 (HLT), 2 (shutdown) or 3 (wait for SIPI).", "The field was not initialised.",
            v => v[GuestActivity] <= WaitForSipi),
        Rule("guest.activity.hlt", NonRegister, [GuestActivity, GuestSsAccess],
            "A halted processor has CPL 0.", "A halted processor was given the state of user code.",
            v => v.Dpl(VmxView.Ss) == 0, v => v[GuestActivity] == Halted),
        Rule("guest.activity.blocking", NonRegister, [GuestActivity, GuestInterruptibility],
            "A processor behind STI or MOV SS is active.", Shadow,
            v => v[GuestActivity] == Active, v => (v[GuestInterruptibility] & (BlockingBySti | BlockingByMovSs)) != 0),
        Rule("guest.activity.event", NonRegister, [GuestActivity, EntryEvent],
            "The event can be injected in this activity state: in HLT interrupts, NMI, #DB and #MC, in shutdown NMI and #MC, in wait for SIPI none.",
            "An event was queued for a processor that sleeps.",
            v => CanTake(v[GuestActivity], v.EventType, v.EventVector), v => v.Injects),
    ];

    private static IEnumerable<VmxRule> Interruptibility =>
    [
        Rule("guest.interruptibility.reserved", NonRegister, [GuestInterruptibility],
            "Bits 31:5 of the interruptibility state are zero.", "The field was not initialised.",
            v => v[GuestInterruptibility] <= 0x1F),
        Rule("guest.interruptibility.both", NonRegister, [GuestInterruptibility],
            "STI and MOV SS don't block at the same time.", Shadow,
            v => (v[GuestInterruptibility] & (BlockingBySti | BlockingByMovSs)) != (BlockingBySti | BlockingByMovSs)),
        Rule("guest.interruptibility.sti", NonRegister, [GuestInterruptibility, GuestRflags],
            "Blocking by STI needs RFLAGS.IF.", Shadow,
            v => (v[GuestRflags] & Rflags.IF) != 0, v => (v[GuestInterruptibility] & BlockingBySti) != 0),
        Rule("guest.interruptibility.interrupt", NonRegister, [GuestInterruptibility, EntryEvent],
            "Nothing blocks an external interrupt that is injected.", Shadow,
            v => (v[GuestInterruptibility] & (BlockingBySti | BlockingByMovSs)) == 0,
            v => v.Injects && v.EventType == InjectedEvent.ExternalInterrupt),
        Rule("guest.interruptibility.nmi", NonRegister, [GuestInterruptibility, EntryEvent, PinControls],
            "Neither MOV SS nor, with virtual NMIs, another NMI blocks an NMI that is injected.", "An NMI was injected while the handler of the last one still runs.",
            v => (v[GuestInterruptibility] & BlockingByMovSs) == 0 &&
                (!v.Pin(VmxControl.VirtualNmis) || (v[GuestInterruptibility] & BlockingByNmi) == 0),
            v => v.Injects && v.EventType == InjectedEvent.Nmi),
        Rule("guest.interruptibility.smi", NonRegister, [GuestInterruptibility, EntryControls],
            "Blocking by SMI is off outside system-management mode.", "A processor in system-management mode was saved and is entered as an ordinary one.",
            v => (v[GuestInterruptibility] & BlockingBySmi) == 0, v => !v.Has(EntryControls, VmxControl.EntryToSmm)),
        Rule("guest.interruptibility.enclave", NonRegister, [GuestInterruptibility],
            "Inside an enclave MOV SS doesn't block.", Shadow,
            v => (v[GuestInterruptibility] & BlockingByMovSs) == 0, v => (v[GuestInterruptibility] & InEnclave) != 0),
    ];

    private static IEnumerable<VmxRule> PendingDebug =>
    [
        Rule("guest.pending-debug.reserved", NonRegister, [GuestPendingDebug],
            "Bits 11:4, 13, 15 and 63:17 of the pending debug exceptions are zero.", "DR6 was put there, whose reserved bits are ones.",
            v => (v[GuestPendingDebug] & PendingDebugReserved) == 0),
        Rule("guest.pending-debug.single-step", NonRegister, [GuestPendingDebug, GuestRflags, GuestDebugCtl, GuestInterruptibility, GuestActivity],
            "Behind STI, MOV SS or HLT the pending single-step trap (bit 14) is there exactly when RFLAGS.TF is set and IA32_DEBUGCTL.BTF is clear.",
            "The guest was single-stepped over STI or MOV SS, and the hypervisor didn't note the trap that is due.",
            v => ((v[GuestPendingDebug] & SingleStep) != 0) == ((v[GuestRflags] & Rflags.TF) != 0 && (v[GuestDebugCtl] & 2) == 0),
            v => (v[GuestInterruptibility] & (BlockingBySti | BlockingByMovSs)) != 0 || v[GuestActivity] == Halted),
    ];

    private static VmxRule Link => Rule("guest.link-pointer", NonRegister, [GuestLinkPointer],
        "The VMCS link pointer is all ones, or a multiple of 4096 within the physical-address width.", "The field was not initialised: without VMCS shadowing it is all ones.",
        v => v[GuestLinkPointer] == ulong.MaxValue || (v[GuestLinkPointer] & (0xFFF | v.BeyondPhysical)) == 0);

    private static IEnumerable<VmxRule> Pdptes()
    {
        for (int i = 0; i < 4; i++)
        {
            VmcsField field = GuestPdpte0 + i;
            yield return Rule($"guest.pdpte{i}", "26.3.1.6", [field, GuestCr0, GuestCr4, EntryControls, PrimaryControls, SecondaryControls],
                $"With PAE paging under EPT, a present PDPTE{i} has bits 2:1, 8:5 and those beyond the physical-address width zero.",
                "CR3 points at memory that holds no page-directory-pointer table.",
                v => (v[field] & 1) == 0 || (v[field] & (0x1E6 | v.BeyondPhysical)) == 0,
                v => v.Paging && (v.Cr4 & Cr4.PAE) != 0 && !v.Ia32e && v.Ept);
        }
    }

    private static bool CanTake(ulong activity, int type, int vector) => activity switch
    {
        Halted => type switch
        {
            InjectedEvent.ExternalInterrupt or InjectedEvent.Nmi => true,
            InjectedEvent.HardwareException => vector is 1 or 18,
            InjectedEvent.Other => vector == 0,
            _ => false,
        },
        ShutDown => (type == InjectedEvent.Nmi && vector == 2) || (type == InjectedEvent.HardwareException && vector == 18),
        WaitForSipi => false,
        _ => true,
    };

    private static VmxRule Rule(
        string id, string section, ReadOnlySpan<VmcsField> fields, string text, string cause, Func<VmxView, bool> holds, Func<VmxView, bool>? applies = null) =>
        new(EntryRefusal.VmxGuest, id, section, fields, text, cause, holds, applies);
}
