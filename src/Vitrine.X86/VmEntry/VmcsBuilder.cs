using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Vitrine.X86.VmEntry.Rules;
using static Vitrine.X86.VmEntry.VmcsField;

namespace Vitrine.X86.VmEntry;

/// <summary>
/// The VMCS that KVM sets up for a processor state. What only the host's kernel knows (addresses of its tables, its own registers) is left to the host.
/// </summary>
public static class VmcsBuilder
{
    private const string HostState = "the host's own state, to which VM exits return";
    private const uint VirtualTssLimit = 0x2088; // TSS, interrupt-redirection map, I/O bitmap of 8 KiB and its end byte
    private const uint Virtual8086Access = 0xF3;
    private const uint BusyTss = 11;
    private const uint AccessedBit = 1;
    private const uint PageFaultException = 1u << 14;
    private const ulong SingleStepTrap = 1 << 14;

    // What the guest may change in CR0 and CR4 without an exit.
    private const ulong GuestOwnedCr4 = Cr4.PVI | Cr4.TSD | Cr4.DE | Cr4.PCE | Cr4.OSFXSR | Cr4.OSXMMEXCPT | Cr4.FSGSBASE;

    private static readonly int[] s_segments = [Seg.Es, Seg.Cs, Seg.Ss, Seg.Ds, Seg.Fs, Seg.Gs, Seg.Ldtr, Seg.Tr];

    /// <summary>Builds it.</summary>
    /// <param name="state">The guest's registers.</param>
    /// <param name="mode">One of the three modes of VMX.</param>
    /// <param name="environment">The host.</param>
    public static Vmcs Build(ProcessorState state, EntryMode mode, EntryEnvironment? environment = null)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (!mode.IsVmx()) throw new ArgumentOutOfRangeException(nameof(mode));
        Vmcs vmcs = new();
        new Builder(vmcs, state, mode, environment ?? EntryEnvironment.Default).Build();
        return vmcs;
    }

    private readonly struct Builder(Vmcs vmcs, ProcessorState state, EntryMode mode, EntryEnvironment environment)
    {
        private bool Unrestricted => mode == EntryMode.EptUnrestricted;

        private bool Ept => mode != EntryMode.VmxShadow;

        private bool GuestPaging => (state.Cr0 & Cr0.PG) != 0;

        private bool GuestProtected => (state.Cr0 & Cr0.PE) != 0;

        /// <summary>Real mode on a processor that can't run it.</summary>
        private bool Virtual8086 => !Unrestricted && !GuestProtected;

        public void Build()
        {
            BuildControls();
            BuildEvent();
            BuildControlRegisters();
            BuildMsrs();
            BuildSegments();
            BuildRest();
            LeaveHostState();
        }

        private void BuildControls()
        {
            vmcs.Set(PinControls, VmxControl.PinRequired | Bit(VmxControl.ExternalInterruptExiting) | Bit(VmxControl.NmiExiting) | Bit(VmxControl.VirtualNmis));
            ulong primary = VmxControl.PrimaryRequired | Bit(VmxControl.TscOffsetting) | Bit(VmxControl.HltExiting) | Bit(VmxControl.MwaitExiting) |
                Bit(VmxControl.RdpmcExiting) | Bit(VmxControl.TprShadow) | Bit(VmxControl.MovDrExiting) | Bit(VmxControl.UnconditionalIoExiting) |
                Bit(VmxControl.MsrBitmaps) | Bit(VmxControl.MonitorExiting) | Bit(VmxControl.ActivateSecondary);
            if (!Ept) primary |= Bit(VmxControl.InvlpgExiting);
            if (!Ept || (!Unrestricted && !GuestPaging)) primary |= Bit(VmxControl.Cr3LoadExiting) | Bit(VmxControl.Cr3StoreExiting);
            vmcs.Set(PrimaryControls, primary);
            vmcs.Set(
                SecondaryControls,
                Bit(VmxControl.Vpid) | (Ept ? Bit(VmxControl.Ept) : 0) | (Unrestricted ? Bit(VmxControl.UnrestrictedGuest) : 0),
                "KVM sets more here as the guest's CPUID and its own parameters say");
            vmcs.Set(
                ExitControls,
                VmxControl.ExitRequired | Bit(VmxControl.DebugControls) | Bit(VmxControl.HostAddressSpaceSize) | Bit(VmxControl.AcknowledgeInterrupt) |
                    Bit(VmxControl.LoadHostPat) | Bit(VmxControl.LoadHostEfer));
            vmcs.Set(
                EntryControls,
                VmxControl.EntryRequired | Bit(VmxControl.DebugControls) | Bit(VmxControl.LoadPat) | Bit(VmxControl.LoadEfer) |
                    ((state.Efer & Efer.LMA) != 0 ? Bit(VmxControl.Ia32eMode) : 0));
            const string Virtual = "real mode's exceptions don't go through the table that virtual-8086 mode uses";
            const string Shadow = "page faults are the shadow tables' business first";
            (uint exceptions, string caught) = (Virtual8086, Ept) switch
            {
                (false, true) => (0x6_0042u, "#DB, #UD, #AC, #MC"),
                (false, false) => (0x6_0042u | PageFaultException, $"#DB, #UD, #PF, #AC, #MC: {Shadow}"),
                (true, true) => (~PageFaultException, $"all but #PF: {Virtual}"),
                (true, false) => (uint.MaxValue, $"all: {Virtual}, and {Shadow}"),
            };
            vmcs.Set(ExceptionBitmap, exceptions, caught);
            vmcs.Set(PageFaultMask, 0);
            vmcs.Set(PageFaultMatch, 0);
            vmcs.Set(Cr3TargetCount, 0);
            vmcs.Set(TprThreshold, 0);
            vmcs.LeaveToHost(Vpid, "a number of the host's, not zero: it tags TLB entries");
            vmcs.LeaveToHost(MsrBitmaps, "address of a page of the host's kernel");
            vmcs.LeaveToHost(VirtualApicAddress, "address of the page with the guest's local APIC");
            vmcs.LeaveToHost(TscOffset, "the host's TSC subtracted from the guest's");
            if (Ept) vmcs.LeaveToHost(EptPointer, "root of the EPT tables, with memory type write-back (6), walk length 4 (bits 5:3 = 3) and accessed/dirty flags (bit 6)");
        }

        private void BuildEvent()
        {
            PendingEvents events = state.Events;
            (ulong info, ulong error, ulong length) = (0UL, 0UL, 0UL);
            if (events.ExceptionInjected)
            {
                bool software = events.ExceptionVector is 3 or 4;
                info = Event(software ? InjectedEvent.SoftwareException : InjectedEvent.HardwareException, events.ExceptionVector);
                if (software) length = 1;
                if (events.ExceptionHasErrorCode && GuestProtected) (info, error) = (info | InjectedEvent.DeliverErrorCode, events.ExceptionErrorCode);
            }
            else if (events.NmiInjected)
            {
                info = Event(InjectedEvent.Nmi, 2);
            }
            else if (events.InterruptInjected)
            {
                info = Event(events.InterruptSoft ? InjectedEvent.SoftwareInterrupt : InjectedEvent.ExternalInterrupt, events.InterruptVector);
                if (events.InterruptSoft) length = 2;
            }

            vmcs.Set(EntryEvent, info);
            vmcs.Set(EntryErrorCode, error);
            vmcs.Set(EntryInstructionLength, length);
        }

        private void BuildControlRegisters()
        {
            ulong cr0 = state.Cr0 & ~(Cr0.CD | Cr0.NW) | Cr0.NE;
            string note = "NE is always on in VMX operation; KVM keeps CD and NW off";
            if (!Unrestricted)
            {
                cr0 |= Cr0.PE | Cr0.PG;
                note = "PE, PG and NE are always on without unrestricted guest; KVM keeps CD and NW off";
            }

            if (!Ept) (cr0, note) = (cr0 | Cr0.WP, "PE, PG, NE are always on, and WP for the shadow tables; KVM keeps CD and NW off");
            vmcs.Set(GuestCr0, cr0, note);
            vmcs.Set(Cr0Shadow, state.Cr0, "what the guest reads where the mask has a one");
            vmcs.Set(Cr0Mask, ~(Cr0.TS | (Ept ? Cr0.WP : 0)), "bits that exit when the guest changes them");
            vmcs.Set(Cr4Shadow, state.Cr4, "what the guest reads where the mask has a one");
            vmcs.Set(Cr4Mask, ~(GuestOwnedCr4 | (Ept ? Cr4.PGE : 0)), "bits that exit when the guest changes them");
            BuildCr4();
            BuildCr3();
            for (int i = 0; i < 4; i++) vmcs.Set(GuestPdpte0 + i, state.Pdptes[i], "used with PAE paging only");
        }

        private void BuildCr4()
        {
            ulong cr4 = state.Cr4 | Cr4.VMXE | Cr4.MCE;
            string note = "VMXE is always on in VMX operation; MCE is the host's";
            if (!Unrestricted)
            {
                if (Virtual8086) cr4 |= Cr4.VME;
                if (!Ept)
                {
                    (cr4, note) = (cr4 | Cr4.PAE, "VMXE always; PAE is the shadow tables' format; MCE is the host's");
                }
                else if (!GuestPaging)
                {
                    (cr4, note) = (cr4 & ~Cr4.PAE | Cr4.PSE, "VMXE always; PSE on and PAE off for the identity page; MCE is the host's");
                }

                if (!GuestPaging) cr4 &= ~(Cr4.SMEP | Cr4.SMAP | Cr4.PKE);
            }

            vmcs.Set(GuestCr4, cr4, note);
        }

        private void BuildCr3()
        {
            if (!Ept)
                vmcs.LeaveToHost(GuestCr3, "host-physical root of the shadow tables; the guest's own CR3 is only a value in KVM");
            else if (GuestPaging)
                vmcs.Set(GuestCr3, state.Cr3, "the guest's own: its tables hold guest-physical addresses, which EPT translates");
            else if (Unrestricted)
                vmcs.Set(GuestCr3, state.Cr3, "not used while paging is off: linear addresses are guest-physical, and EPT translates them");
            else
                vmcs.Set(GuestCr3, environment.IdentityPage, "KVM's identity page, 1024 entries of 4 MiB: paging is on though the guest has it off");
        }

        private void BuildMsrs()
        {
            ulong efer = state.Efer;
            string? note = null;
            if (!GuestPaging && (efer & Efer.LMA) == 0 && (efer & Efer.LME) != 0)
            {
                efer &= ~Efer.LME;
                note = "LME is held back until the guest turns on paging";
            }

            if (!Ept) (efer, note) = (efer | Efer.NXE, "NXE is on for the shadow tables");
            vmcs.Set(GuestEfer, efer, note);
            vmcs.Set(GuestPat, Msr(Registers.Msr.IA32_PAT, ResetState.DefaultPat));
            vmcs.Set(GuestDebugCtl, Msr(Registers.Msr.IA32_DEBUGCTL, 0));
            vmcs.Set(GuestSysenterCs, (uint)Msr(Registers.Msr.IA32_SYSENTER_CS, 0));
            vmcs.Set(GuestSysenterEsp, Msr(Registers.Msr.IA32_SYSENTER_ESP, 0));
            vmcs.Set(GuestSysenterEip, Msr(Registers.Msr.IA32_SYSENTER_EIP, 0));
        }

        private void BuildSegments()
        {
            for (int i = 0; i < s_segments.Length; i++)
            {
                SegmentRegister segment = state.Segments[s_segments[i]];
                string? note = null;
                uint access = segment.Access;
                if (!segment.Present) access |= SegmentRegister.UnusableBit;
                if (i == VmxView.Tr)
                {
                    if (Virtual8086) (segment, access, note) = (new(segment.Selector, environment.VirtualTss, VirtualTssLimit, 0), 0x8B, "KVM's TSS for virtual-8086 mode");
                    else if ((state.Efer & Efer.LMA) != 0 && segment.Type == Descriptors.DescriptorType.Tss16Busy && !segment.Unusable)
                        (access, note) = (access & ~0xFu | BusyTss, "a 16-bit TSS left from before long mode; KVM makes it a busy 64-bit one");
                }
                else if (Virtual8086 && i < VmxView.Ldtr)
                {
                    (access, note) = (Virtual8086Access, "the rights of virtual-8086 mode, in which real mode runs");
                }
                else if (Unrestricted && i < VmxView.Ldtr && !segment.Unusable && segment.Present)
                {
                    access |= AccessedBit;
                }

                vmcs.Set(GuestEsSelector + i, segment.Selector);
                vmcs.Set(GuestEsBase + i, segment.Base, note);
                vmcs.Set(GuestEsLimit + i, segment.Limit, note);
                vmcs.Set(GuestEsAccess + i, access, note ?? ((access & SegmentRegister.UnusableBit) != 0 ? "unusable" : null));
            }

            vmcs.Set(GuestGdtrBase, state.Gdtr.Base);
            vmcs.Set(GuestGdtrLimit, state.Gdtr.Limit);
            vmcs.Set(GuestIdtrBase, state.Idtr.Base);
            vmcs.Set(GuestIdtrLimit, state.Idtr.Limit);
        }

        private void BuildRest()
        {
            ulong shadow = state.Events.InterruptShadow;
            bool trap = (state.Rflags & Rflags.TF) != 0 && (Msr(Registers.Msr.IA32_DEBUGCTL, 0) & 2) == 0;
            vmcs.Set(GuestRip, state.Rip);
            vmcs.Set(GuestRsp, state.Gpr[Gpr.Rsp]);
            vmcs.Set(
                GuestRflags,
                Virtual8086 ? state.Rflags | Rflags.VM | Rflags.IOPL : state.Rflags,
                Virtual8086 ? "VM and IOPL 3: real mode runs as virtual-8086 mode" : null);
            vmcs.Set(GuestDr7, state.Dr7);
            vmcs.Set(GuestActivity, 0, "active: KVM waits out HLT itself");
            // KVM_X86_SHADOW_INT_* has MOV SS in bit 0 and STI in bit 1, the VMCS the other way round.
            vmcs.Set(GuestInterruptibility, ((shadow & 1) << 1) | ((shadow >> 1) & 1) | (state.Events.NmiMasked ? 8u : 0));
            vmcs.Set(GuestPendingDebug, trap && (shadow & 3) != 0 ? SingleStepTrap : 0);
            vmcs.Set(GuestLinkPointer, ulong.MaxValue, "no VMCS shadowing");
        }

        private void LeaveHostState()
        {
            for (VmcsField field = HostEsSelector; field <= HostTrSelector; field++) vmcs.LeaveToHost(field, HostState);
            for (VmcsField field = HostPat; field <= HostEfer; field++) vmcs.LeaveToHost(field, HostState);
            vmcs.LeaveToHost(HostSysenterCs, HostState);
            for (VmcsField field = HostCr0; field <= HostRsp; field++) vmcs.LeaveToHost(field, HostState);
            vmcs.LeaveToHost(HostRip, "the hypervisor's exit handler");
        }

        private ulong Msr(uint index, ulong otherwise) => state.Msrs.TryGetValue(index, out ulong value) ? value : otherwise;

        private static ulong Event(int type, byte vector) => InjectedEvent.Valid | ((ulong)type << 8) | vector;

        private static ulong Bit(int number) => 1UL << number;
    }
}
