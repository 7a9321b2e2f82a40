using Vitrine.X86.Registers;
using Vitrine.X86.VmEntry;
using static Vitrine.Tests.X86.VmEntry.EntryAreas;
using static Vitrine.X86.VmEntry.VmcsField;

namespace Vitrine.Tests.X86.VmEntry;

/// <summary>For each VMX rule a valid VMCS and the one change that violates that rule and no other.</summary>
internal static class VmxCases
{
    private const ulong NotCanonical = 0x8000_0000_0000;
    private static readonly string[] _segments = ["es", "cs", "ss", "ds", "fs", "gs"];

    public static Dictionary<string, (Func<Vmcs> Valid, Action<Vmcs> Violate)> All { get; } = Build();

    private static Dictionary<string, (Func<Vmcs> Valid, Action<Vmcs> Violate)> Build()
    {
        Dictionary<string, (Func<Vmcs>, Action<Vmcs>)> cases = new()
        {
            ["control.pin.reserved"] = (Long, Or(PinControls, 1 << 8)),
            ["control.primary.reserved"] = (Long, Clear(PrimaryControls, 1 << 1)),
            ["control.secondary.reserved"] = (Long, Or(SecondaryControls, 1 << 21)),
            ["control.cr3-target-count"] = (Long, Put(Cr3TargetCount, 5)),
            ["control.io-bitmap-a"] = (Loaded, Or(IoBitmapA, 1)),
            ["control.io-bitmap-b"] = (Loaded, Or(IoBitmapB, 1UL << 63)),
            ["control.msr-bitmaps"] = (Long, Or(MsrBitmaps, 0x800)),
            ["control.virtual-apic-address"] = (Long, Or(VirtualApicAddress, 1)),
            ["control.tpr-threshold"] = (Long, Put(TprThreshold, 0x10)),
            ["control.virtual-nmis"] = (Long, Clear(PinControls, 1 << VmxControl.NmiExiting)),
            ["control.nmi-window"] = (Varied(Clear(PinControls, 1 << VmxControl.VirtualNmis)), Or(PrimaryControls, 1 << VmxControl.NmiWindowExiting)),
            ["control.tpr-shadow"] = (Varied(Clear(PrimaryControls, 1 << VmxControl.TprShadow)), Or(SecondaryControls, 1 << VmxControl.ApicRegisterVirtualization)),
            ["control.x2apic"] = (Loaded, Or(SecondaryControls, 1 << VmxControl.VirtualizeX2Apic)),
            ["control.apic-access-address"] = (Loaded, Or(ApicAccessAddress, 1)),
            ["control.virtual-interrupt-delivery"] = (Loaded, Clear(PinControls, 1 << VmxControl.ExternalInterruptExiting)),
            ["control.posted-interrupts"] = (Loaded, Clear(ExitControls, 1 << VmxControl.AcknowledgeInterrupt)),
            ["control.posted-interrupt-vector"] = (Loaded, Put(PostedInterruptVector, 0x100)),
            ["control.posted-interrupt-descriptor"] = (Loaded, Or(PostedInterruptDescriptor, 0x20)),
            ["control.vpid"] = (Long, Put(Vpid, 0)),
            ["control.ept-pointer.memory-type"] = (Long, Put(EptPointer, 0x1_1FFF_C059)),
            ["control.ept-pointer.walk-length"] = (Long, Put(EptPointer, 0x1_1FFF_C046)),
            ["control.ept-pointer.reserved"] = (Long, Put(EptPointer, 0x1_1FFF_C15E)),
            ["control.page-modification-logging"] = (Shadow, Or(SecondaryControls, 1 << VmxControl.PageModificationLogging)),
            ["control.unrestricted-guest"] = (Shadow, Or(SecondaryControls, 1 << VmxControl.UnrestrictedGuest)),
            ["control.mode-based-execute"] = (Shadow, Or(SecondaryControls, 1 << VmxControl.ModeBasedExecute)),
            ["control.exit.reserved"] = (Long, Clear(ExitControls, 1)),
            ["control.exit.preemption-timer"] = (Long, Or(ExitControls, 1 << VmxControl.SavePreemptionTimer)),
            ["control.entry.reserved"] = (Long, Or(EntryControls, 1 << 24)),
            ["control.entry.smm"] = (Long, Or(EntryControls, 1 << VmxControl.DeactivateDualMonitor)),

            ["control.event.type"] = (Long, Put(EntryEvent, 0x8000_0100)),
            ["control.event.vector"] = (Long, Put(EntryEvent, 0x8000_0203)),
            ["control.event.deliver-error-code"] = (Long, Put(EntryEvent, 0x8000_030D)),
            ["control.event.reserved"] = (() => InterruptsEnabled(ExternalInterrupt), Or(EntryEvent, 1 << 12)),
            ["control.event.error-code"] = (() => InterruptsEnabled(GeneralProtection), Put(EntryErrorCode, 0x1_0000)),
            ["control.event.length"] = (() => InterruptsEnabled(SoftwareInterrupt), Put(EntryInstructionLength, 0)),

            ["host.cr0"] = (Long, Clear(HostCr0, Cr0.NE)),
            ["host.cr4"] = (Long, Clear(HostCr4, Cr4.VMXE)),
            ["host.cr3"] = (Long, Or(HostCr3, 1UL << 52)),
            ["host.sysenter-esp"] = (Long, Put(HostSysenterEsp, NotCanonical)),
            ["host.sysenter-eip"] = (Long, Put(HostSysenterEip, NotCanonical)),
            ["host.pat"] = (Long, Put(HostPat, 2)),
            ["host.efer"] = (Long, Or(HostEfer, 1 << 1)),
            ["host.es.selector"] = (Long, Put(HostEsSelector, 3)),
            ["host.cs.selector"] = (Long, Put(HostCsSelector, 0x11)),
            ["host.ss.selector"] = (Long, Put(HostSsSelector, 0x1C)),
            ["host.ds.selector"] = (Long, Put(HostDsSelector, 0x2B)),
            ["host.fs.selector"] = (Long, Put(HostFsSelector, 1)),
            ["host.gs.selector"] = (Long, Put(HostGsSelector, 4)),
            ["host.tr.selector"] = (Long, Put(HostTrSelector, 0x43)),
            ["host.cs.null"] = (Long, Put(HostCsSelector, 0)),
            ["host.tr.null"] = (Long, Put(HostTrSelector, 0)),
            ["host.ss.null"] = (Host32, Put(HostSsSelector, 0)),
            ["host.fs.base"] = (Long, Put(HostFsBase, NotCanonical)),
            ["host.gs.base"] = (Long, Put(HostGsBase, NotCanonical)),
            ["host.gdtr.base"] = (Long, Put(HostGdtrBase, NotCanonical)),
            ["host.idtr.base"] = (Long, Put(HostIdtrBase, NotCanonical)),
            ["host.tr.base"] = (Long, Put(HostTrBase, NotCanonical)),
            ["host.address-space"] = (LowHost, Clear(ExitControls, 1 << VmxControl.HostAddressSpaceSize)),
            ["host.address-space.pae"] = (Long, Clear(HostCr4, Cr4.PAE)),
            ["host.rip"] = (Long, Put(HostRip, NotCanonical)),

            ["guest.cr0.fixed"] = (Restricted, Clear(GuestCr0, Cr0.NE)),
            ["guest.cr0.paging"] = (Real, Or(GuestCr0, Cr0.PG)),
            ["guest.cr4.fixed"] = (Long, Or(GuestCr4, 1 << 15)),
            ["guest.cr4.cet"] = (Varied(Clear(GuestCr0, Cr0.WP)), Or(GuestCr4, Cr4.CET)),
            ["guest.debugctl"] = (Long, Put(GuestDebugCtl, 8)),
            ["guest.ia32e.paging"] = (Long, Clear(GuestCr0, Cr0.PG)),
            ["guest.ia32e.pae"] = (Long, Clear(GuestCr4, Cr4.PAE)),
            ["guest.cr4.pcide"] = (Protected, Or(GuestCr4, Cr4.PCIDE)),
            ["guest.cr3"] = (Long, Or(GuestCr3, 1UL << 63)),
            ["guest.dr7"] = (Long, Or(GuestDr7, 1UL << 32)),
            ["guest.sysenter-esp"] = (Long, Put(GuestSysenterEsp, NotCanonical)),
            ["guest.sysenter-eip"] = (Long, Put(GuestSysenterEip, NotCanonical)),
            ["guest.pat"] = (Long, Put(GuestPat, 0x0007_0406_0007_0403)),
            ["guest.efer.reserved"] = (Long, Or(GuestEfer, 1 << 1)),
            ["guest.efer.lma"] = (Real, Or(GuestEfer, Efer.LMA)),
            ["guest.efer.lme"] = (Long, Clear(GuestEfer, Efer.LME)),

            ["guest.tr.selector"] = (Long, Put(GuestTrSelector, 0x44)),
            ["guest.ldtr.selector"] = (WithLdt, Put(GuestLdtrSelector, 0x54)),
            ["guest.ss.selector"] = (Restricted, Put(GuestCsSelector, 0x13)),
            ["guest.tr.base"] = (Long, Put(GuestTrBase, NotCanonical)),
            ["guest.fs.base"] = (Long, Put(GuestFsBase, NotCanonical)),
            ["guest.gs.base"] = (Long, Put(GuestGsBase, NotCanonical)),
            ["guest.ldtr.base"] = (WithLdt, Put(GuestLdtrBase, NotCanonical)),
            ["guest.cs.base"] = (Long, Put(GuestCsBase, 1UL << 32)),
            ["guest.ss.base"] = (Long, Put(GuestSsBase, 1UL << 32)),
            ["guest.ds.base"] = (Long, Put(GuestDsBase, 1UL << 32)),
            ["guest.es.base"] = (Long, Put(GuestEsBase, 1UL << 32)),
            ["guest.cs.type"] = (Long, Put(GuestCsAccess, 0xA098)),
            ["guest.ss.type"] = (Long, Put(GuestSsAccess, 0xC091)),
            ["guest.ds.type"] = (Long, Put(GuestDsAccess, 0xC092)),
            ["guest.es.type"] = (Long, Put(GuestEsAccess, 0xC099)),
            ["guest.fs.type"] = (Long, Put(GuestFsAccess, 0xC092)),
            ["guest.gs.type"] = (Long, Put(GuestGsAccess, 0xC090)),
            ["guest.cs.dpl"] = (Long, Put(GuestCsAccess, 0xA0FB)),
            ["guest.ss.dpl.rpl"] = (() => Vmcs(EntryStates.Long(), EntryMode.Ept, Put(GuestCsAccess, 0xA09F)), Put(GuestSsAccess, 0xC0B3)),
            ["guest.ss.dpl"] = (() => Vmcs(EntryStates.Real(), EntryMode.EptUnrestricted, Put(GuestCsAccess, 0x93)), Put(GuestSsAccess, 0xF3)),
            ["guest.cs.long"] = (Long, Put(GuestCsAccess, 0xE09B)),
            ["guest.tr.type"] = (Long, Put(GuestTrAccess, 0x83)),
            ["guest.tr.system"] = (Long, Put(GuestTrAccess, 0x9B)),
            ["guest.tr.present"] = (Long, Put(GuestTrAccess, 0x0B)),
            ["guest.tr.reserved"] = (Long, Put(GuestTrAccess, 0x18B)),
            ["guest.tr.granularity"] = (Long, Put(GuestTrAccess, 0x808B)),
            ["guest.tr.usable"] = (Long, Put(GuestTrAccess, 0x1008B)),
            ["guest.ldtr.type"] = (WithLdt, Put(GuestLdtrAccess, 0x83)),
            ["guest.ldtr.system"] = (WithLdt, Put(GuestLdtrAccess, 0x92)),
            ["guest.ldtr.present"] = (WithLdt, Put(GuestLdtrAccess, 0x02)),
            ["guest.ldtr.reserved"] = (WithLdt, Put(GuestLdtrAccess, 0x282)),
            ["guest.ldtr.granularity"] = (WithLdt, Put(GuestLdtrLimit, 0x10_0000)),

            ["guest.gdtr.base"] = (Long, Put(GuestGdtrBase, NotCanonical)),
            ["guest.idtr.base"] = (Long, Put(GuestIdtrBase, NotCanonical)),
            ["guest.gdtr.limit"] = (Long, Put(GuestGdtrLimit, 0x1_0000)),
            ["guest.idtr.limit"] = (Long, Put(GuestIdtrLimit, 0x1_0000)),

            ["guest.rip"] = (Protected, Put(GuestRip, 1UL << 32)),
            ["guest.rflags.reserved"] = (Long, Put(GuestRflags, 0)),
            ["guest.rflags.vm"] = (UnpagedVirtual8086, Clear(GuestCr0, Cr0.PE)),
            ["guest.rflags.if"] = (() => InterruptsEnabled(ExternalInterrupt), Clear(GuestRflags, Rflags.IF)),
            ["guest.activity"] = (Long, Put(GuestActivity, 4)),
            ["guest.activity.hlt"] = (() => Vmcs(EntryStates.User(), EntryMode.EptUnrestricted), Put(GuestActivity, 1)),
            ["guest.activity.blocking"] = (() => InterruptsEnabled(interruptibility: 1), Put(GuestActivity, 1)),
            ["guest.activity.event"] = (() => InterruptsEnabled(ExternalInterrupt), Put(GuestActivity, 2)),
            ["guest.interruptibility.reserved"] = (Long, Put(GuestInterruptibility, 0x20)),
            ["guest.interruptibility.both"] = (() => InterruptsEnabled(interruptibility: 1), Put(GuestInterruptibility, 3)),
            ["guest.interruptibility.sti"] = (() => InterruptsEnabled(interruptibility: 1), Clear(GuestRflags, Rflags.IF)),
            ["guest.interruptibility.interrupt"] = (() => InterruptsEnabled(ExternalInterrupt), Put(GuestInterruptibility, 2)),
            ["guest.interruptibility.nmi"] = (() => InterruptsEnabled(Nmi), Put(GuestInterruptibility, 8)),
            ["guest.interruptibility.smi"] = (Long, Put(GuestInterruptibility, 4)),
            ["guest.interruptibility.enclave"] = (() => InterruptsEnabled(interruptibility: 0x10), Put(GuestInterruptibility, 0x12)),
            ["guest.pending-debug.reserved"] = (Long, Put(GuestPendingDebug, 0xFFFF_0FF0)),
            ["guest.pending-debug.single-step"] = (() => InterruptsEnabled(interruptibility: 2), Or(GuestRflags, Rflags.TF)),
            ["guest.link-pointer"] = (Long, Put(GuestLinkPointer, 1)),
        };
        for (int i = 0; i < 6; i++)
        {
            bool code = i == 1;
            cases[$"guest.{_segments[i]}.base.vm86"] = (Virtual8086, Put(GuestEsBase + i, 0xFFFF));
            cases[$"guest.{_segments[i]}.limit.vm86"] = (Virtual8086, Put(GuestEsLimit + i, 0xFFFFFFFF));
            cases[$"guest.{_segments[i]}.access.vm86"] = (Virtual8086, Put(GuestEsAccess + i, 0x93));
            cases[$"guest.{_segments[i]}.system"] = (Long, Clear(GuestEsAccess + i, 0x10));
            cases[$"guest.{_segments[i]}.present"] = (Long, Clear(GuestEsAccess + i, 0x80));
            cases[$"guest.{_segments[i]}.reserved"] = (Long, Or(GuestEsAccess + i, code ? 0x100u : 0x2_0000));
            cases[$"guest.{_segments[i]}.granularity"] = (Long, code ? Put(GuestEsLimit + i, 0xFFFF_FFFE) : Clear(GuestEsAccess + i, 0x8000));
            if (i is not (1 or 2)) cases[$"guest.{_segments[i]}.dpl"] = (Restricted, Or(GuestEsSelector + i, 3));
        }

        for (int i = 0; i < 4; i++) cases[$"guest.pdpte{i}"] = (Pae, Put(GuestPdpte0 + i, 0x3021));
        return cases;
    }

    private static Vmcs UnpagedVirtual8086() => Vmcs(EntryStates.Virtual8086(), EntryMode.EptUnrestricted, Clear(GuestCr0, Cr0.PG));

    private static Func<Vmcs> Varied(Action<Vmcs> variation) => () => Vmcs(EntryStates.Long(), EntryMode.EptUnrestricted, variation);

    private static Action<Vmcs> Put(VmcsField field, ulong value) => vmcs => vmcs.Set(field, value);

    private static Action<Vmcs> Or(VmcsField field, ulong bits) => vmcs => vmcs.Set(field, Get(vmcs, field) | bits);

    private static Action<Vmcs> Clear(VmcsField field, ulong bits) => vmcs => vmcs.Set(field, Get(vmcs, field) & ~bits);
}
