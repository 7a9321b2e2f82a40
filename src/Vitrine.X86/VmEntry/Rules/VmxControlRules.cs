using Vitrine.X86.Paging;
using static Vitrine.X86.VmEntry.VmcsField;

namespace Vitrine.X86.VmEntry.Rules;

/// <summary>Checks on VMX controls (SDM vol. 3, 26.2.1.1 to 26.2.1.3, without event injection).</summary>
internal static class VmxControlRules
{
    private const string Capability = "The hypervisor didn't adjust its controls to the capability MSRs of this processor (IA32_VMX_*_CTLS).";
    private const string WithoutEpt = "A control that works on extended page tables was left on while EPT is off.";
    private const ulong PageOffset = Page.OffsetMask;

    /// <summary>The rules, in the manual's order.</summary>
    public static IEnumerable<VmxRule> All =>
    [
        Rule("control.pin.reserved", "26.2.1.1", [PinControls],
            "Pin-based controls: bits 1, 2 and 4 are one, bits 31:8 zero.", Capability,
            v => Fits(v[PinControls], VmxControl.PinRequired, VmxControl.PinAllowed)),
        Rule("control.primary.reserved", "26.2.1.1", [PrimaryControls],
            "Primary processor-based controls: the bits of 04006172 are one, bits 0 and 18 zero.", Capability,
            v => Fits(v[PrimaryControls], VmxControl.PrimaryRequired, VmxControl.PrimaryAllowed)),
        Rule("control.secondary.reserved", "26.2.1.1", [SecondaryControls, PrimaryControls],
            "Secondary processor-based controls: bit 21 is zero.", Capability,
            v => Fits(v[SecondaryControls], 0, VmxControl.SecondaryAllowed), v => v.Primary(VmxControl.ActivateSecondary)),
        Rule("control.cr3-target-count", "26.2.1.1", [Cr3TargetCount],
            "There are at most four CR3 targets.", "The field was not initialised.",
            v => v[Cr3TargetCount] <= 4),
        Rule("control.io-bitmap-a", "26.2.1.1", [IoBitmapA, PrimaryControls],
            "The address of I/O bitmap A is a multiple of 4096 within the physical-address width.", "A host virtual address was written in place of a physical one.",
            v => IsPage(v, IoBitmapA), v => v.Primary(VmxControl.IoBitmaps)),
        Rule("control.io-bitmap-b", "26.2.1.1", [IoBitmapB, PrimaryControls],
            "The address of I/O bitmap B is a multiple of 4096 within the physical-address width.", "A host virtual address was written in place of a physical one.",
            v => IsPage(v, IoBitmapB), v => v.Primary(VmxControl.IoBitmaps)),
        Rule("control.msr-bitmaps", "26.2.1.1", [MsrBitmaps, PrimaryControls],
            "The address of the MSR bitmaps is a multiple of 4096 within the physical-address width.", "A host virtual address was written in place of a physical one.",
            v => IsPage(v, MsrBitmaps), v => v.Primary(VmxControl.MsrBitmaps)),
        Rule("control.virtual-apic-address", "26.2.1.1", [VirtualApicAddress, PrimaryControls],
            "The address of the virtual-APIC page is a multiple of 4096 within the physical-address width.", "The TPR shadow was turned on without a page for it.",
            v => IsPage(v, VirtualApicAddress), v => v.Primary(VmxControl.TprShadow)),
        Rule("control.tpr-threshold", "26.2.1.1", [TprThreshold, PrimaryControls, SecondaryControls],
            "Bits 31:4 of the TPR threshold are zero.", "A vector was written where its priority class belongs.",
            v => v[TprThreshold] <= 0xF, v => v.Primary(VmxControl.TprShadow) && !v.Secondary(VmxControl.VirtualInterruptDelivery)),
        Rule("control.virtual-nmis", "26.2.1.1", [PinControls],
            "Virtual NMIs need NMI exiting.", "The two pin-based controls were set independently.",
            v => v.Pin(VmxControl.NmiExiting), v => v.Pin(VmxControl.VirtualNmis)),
        Rule("control.nmi-window", "26.2.1.1", [PrimaryControls, PinControls],
            "NMI-window exiting needs virtual NMIs.", "An NMI window was requested on a processor without virtual NMIs.",
            v => v.Pin(VmxControl.VirtualNmis), v => v.Primary(VmxControl.NmiWindowExiting)),
        Rule("control.tpr-shadow", "26.2.1.1", [SecondaryControls, PrimaryControls],
            "Without TPR shadow, x2APIC mode, APIC registers and interrupt delivery aren't virtualized.", "APIC virtualization was kept while the local APIC moved to user space.",
            v => !v.Secondary(VmxControl.VirtualizeX2Apic) && !v.Secondary(VmxControl.ApicRegisterVirtualization) && !v.Secondary(VmxControl.VirtualInterruptDelivery),
            v => !v.Primary(VmxControl.TprShadow)),
        Rule("control.x2apic", "26.2.1.1", [SecondaryControls, PrimaryControls],
            "x2APIC mode and APIC accesses aren't both virtualized.", "The guest switched the mode of its APIC and only one of the two controls followed.",
            v => !v.Secondary(VmxControl.VirtualizeApicAccesses), v => v.Secondary(VmxControl.VirtualizeX2Apic)),
        Rule("control.apic-access-address", "26.2.1.1", [ApicAccessAddress, PrimaryControls, SecondaryControls],
            "The APIC-access address is a multiple of 4096 within the physical-address width.", "The page is gone, or was never allocated.",
            v => IsPage(v, ApicAccessAddress), v => v.Secondary(VmxControl.VirtualizeApicAccesses)),
        Rule("control.virtual-interrupt-delivery", "26.2.1.1", [PinControls, PrimaryControls, SecondaryControls],
            "Virtual-interrupt delivery needs external-interrupt exiting.", "The controls come from a nested hypervisor that doesn't take interrupts itself.",
            v => v.Pin(VmxControl.ExternalInterruptExiting), v => v.Secondary(VmxControl.VirtualInterruptDelivery)),
        Rule("control.posted-interrupts", "26.2.1.1", [PinControls, PrimaryControls, SecondaryControls, ExitControls],
            "Posted interrupts need virtual-interrupt delivery and acknowledge interrupt on exit.", "The local APIC was deactivated while posted interrupts stayed on.",
            v => v.Secondary(VmxControl.VirtualInterruptDelivery) && v.Has(ExitControls, VmxControl.AcknowledgeInterrupt),
            v => v.Pin(VmxControl.PostedInterrupts)),
        Rule("control.posted-interrupt-vector", "26.2.1.1", [PostedInterruptVector, PinControls],
            "Bits 15:8 of the posted-interrupt notification vector are zero.", "The field was not initialised.",
            v => v[PostedInterruptVector] <= 0xFF, v => v.Pin(VmxControl.PostedInterrupts)),
        Rule("control.posted-interrupt-descriptor", "26.2.1.1", [PostedInterruptDescriptor, PinControls],
            "The posted-interrupt descriptor lies on a 64-byte boundary within the physical-address width.", "The descriptor was embedded in a structure without alignment.",
            v => (v[PostedInterruptDescriptor] & (0x3F | v.BeyondPhysical)) == 0, v => v.Pin(VmxControl.PostedInterrupts)),
        Rule("control.vpid", "26.2.1.1", [Vpid, PrimaryControls, SecondaryControls],
            "The VPID isn't zero: zero is the host's.", "All VPIDs are taken, and the hypervisor left the control on.",
            v => v[Vpid] != 0, v => v.Secondary(VmxControl.Vpid)),
        Rule("control.ept-pointer.memory-type", "26.2.1.1", [EptPointer, PrimaryControls, SecondaryControls],
            "EPTP bits 2:0 are 6 (write-back) or 0 (uncacheable).", "The EPT pointer was never loaded, or holds a bare address.",
            v => (v[EptPointer] & 7) is 0 or 6, v => v.Ept),
        Rule("control.ept-pointer.walk-length", "26.2.1.1", [EptPointer, PrimaryControls, SecondaryControls],
            "EPTP bits 5:3 are 3 (four levels) or 4 (five levels).", "The EPT pointer was never loaded, or holds a bare address.",
            v => ((v[EptPointer] >> 3) & 7) is 3 or 4, v => v.Ept),
        Rule("control.ept-pointer.reserved", "26.2.1.1", [EptPointer, PrimaryControls, SecondaryControls],
            "EPTP bits 11:8 and those beyond the physical-address width are zero.", "The root is no physical address of this host.",
            v => (v[EptPointer] & (0xF00 | v.BeyondPhysical)) == 0, v => v.Ept),
        Rule("control.page-modification-logging", "26.2.1.1", [SecondaryControls, PrimaryControls],
            "Page-modification logging needs EPT.", WithoutEpt,
            v => v.Ept, v => v.Secondary(VmxControl.PageModificationLogging)),
        Rule("control.unrestricted-guest", "26.2.1.1", [SecondaryControls, PrimaryControls],
            "Unrestricted guest needs EPT.", "EPT was turned off (kvm_intel.ept=0) and unrestricted guest kept on.",
            v => v.Ept, v => v.Unrestricted),
        Rule("control.mode-based-execute", "26.2.1.1", [SecondaryControls, PrimaryControls],
            "Mode-based execute control needs EPT.", WithoutEpt,
            v => v.Ept, v => v.Secondary(VmxControl.ModeBasedExecute)),
        Rule("control.exit.reserved", "26.2.1.2", [ExitControls],
            "VM-exit controls: the bits of 00036DFB are one.", Capability,
            v => Fits(v[ExitControls], VmxControl.ExitRequired, uint.MaxValue)),
        Rule("control.exit.preemption-timer", "26.2.1.2", [ExitControls, PinControls],
            "The preemption timer's value is saved only when the timer is on.", "The timer was turned off in one of the two fields only.",
            v => !v.Has(ExitControls, VmxControl.SavePreemptionTimer), v => !v.Pin(VmxControl.PreemptionTimer)),
        Rule("control.entry.reserved", "26.2.1.3", [EntryControls],
            "VM-entry controls: the bits of 000011FB are one, bits 31:24 zero.", Capability,
            v => Fits(v[EntryControls], VmxControl.EntryRequired, VmxControl.EntryAllowed)),
        Rule("control.entry.smm", "26.2.1.3", [EntryControls],
            "Entry to SMM and deactivation of the dual-monitor treatment are off outside SMM.", "A nested hypervisor passed the controls on unfiltered.",
            v => !v.Has(EntryControls, VmxControl.EntryToSmm) && !v.Has(EntryControls, VmxControl.DeactivateDualMonitor)),
    ];

    private static bool Fits(ulong value, uint required, uint allowed) => (value & required) == required && (value & ~(ulong)allowed) == 0;

    private static bool IsPage(VmxView v, VmcsField field) => (v[field] & (PageOffset | v.BeyondPhysical)) == 0;

    private static VmxRule Rule(
        string id, string section, ReadOnlySpan<VmcsField> fields, string text, string cause, Func<VmxView, bool> holds, Func<VmxView, bool>? applies = null) =>
        new(EntryRefusal.VmxControls, id, section, fields, text, cause, holds, applies);
}
