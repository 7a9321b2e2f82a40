using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Vitrine.X86.VmEntry.Rules;
using static Vitrine.X86.VmEntry.VmcbField;

namespace Vitrine.X86.VmEntry;

/// <summary>
/// The VMCB that KVM sets up for a processor state. What only the host's kernel knows (addresses of its tables, the ASID) is left to the host.
/// </summary>
public static class VmcbBuilder
{
    private const ulong Svme = 1UL << 12;

    // INTR NMI SMI INIT, selective CR0, RDPMC, CPUID, RSM, INVD, PAUSE, HLT, INVLPGA, I/O, MSR, task switch, shutdown.
    private const uint CommonIntercepts1 = 0xBDCC_802F;

    // VMRUN VMMCALL VMLOAD VMSAVE STGI CLGI SKINIT, WBINVD, MONITOR, MWAIT, XSETBV.
    private const uint CommonIntercepts2 = 0x0000_2E7F;

    // Reads of CR0 and CR4, writes of CR0, CR4 and CR8.
    private const uint CommonCrIntercepts = 0x0111_0011;
    private const uint Cr3Intercepts = 1 << SvmControl.ReadCr3 | 1 << SvmControl.WriteCr3;

    private static readonly (int Segment, VmcbField Selector)[] s_segments =
    [
        (Seg.Es, EsSelector), (Seg.Cs, CsSelector), (Seg.Ss, SsSelector), (Seg.Ds, DsSelector), (Seg.Fs, FsSelector), (Seg.Gs, GsSelector),
        (Seg.Ldtr, LdtrSelector), (Seg.Tr, TrSelector),
    ];

    /// <summary>Builds it.</summary>
    /// <param name="state">The guest's registers.</param>
    /// <param name="mode">One of the two modes of SVM.</param>
    public static Vmcb Build(ProcessorState state, EntryMode mode)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (mode.IsVmx()) throw new ArgumentOutOfRangeException(nameof(mode));
        Vmcb vmcb = new();
        bool nested = mode == EntryMode.NestedPaging;
        BuildControls(vmcb, state, nested);
        BuildControlRegisters(vmcb, state, nested);
        BuildSegments(vmcb, state);
        vmcb.Set(VmcbField.Dr6, state.Dr6);
        vmcb.Set(VmcbField.Dr7, state.Dr7);
        vmcb.Set(VmcbField.Rflags, state.Rflags);
        vmcb.Set(Rip, state.Rip);
        vmcb.Set(Rsp, state.Gpr[Gpr.Rsp]);
        vmcb.Set(Rax, state.Gpr[Gpr.Rax]);
        vmcb.Set(Cr2, state.Cr2);
        foreach ((VmcbField field, uint msr) in (ReadOnlySpan<(VmcbField, uint)>)
        [
            (Star, Msr.IA32_STAR), (Lstar, Msr.IA32_LSTAR), (Cstar, Msr.IA32_CSTAR), (Sfmask, Msr.IA32_FMASK),
            (KernelGsBase, Msr.IA32_KERNEL_GS_BASE), (SysenterCs, Msr.IA32_SYSENTER_CS), (SysenterEsp, Msr.IA32_SYSENTER_ESP),
            (SysenterEip, Msr.IA32_SYSENTER_EIP), (DebugCtl, Msr.IA32_DEBUGCTL),
        ])
        {
            vmcb.Set(field, state.Msrs.TryGetValue(msr, out ulong value) ? value : 0);
        }

        return vmcb;
    }

    private static void BuildControls(Vmcb vmcb, ProcessorState state, bool nested)
    {
        vmcb.Set(InterceptCr, CommonCrIntercepts | (nested ? 0 : Cr3Intercepts), nested ? "CR0, CR4 and CR8" : "CR0, CR3, CR4 and CR8");
        vmcb.Set(InterceptDr, 0x00FF_00FF, "all, until the guest uses its debug registers");
        vmcb.Set(
            InterceptExceptions, nested ? 0x60042u : 0x64042u,
            nested ? "#DB, #UD, #AC, #MC" : "#DB, #UD, #PF, #AC, #MC: page faults are the shadow tables' business first");
        vmcb.Set(Intercept1, CommonIntercepts1 | (nested ? 0 : 1u << SvmControl.Invlpg));
        vmcb.Set(Intercept2, CommonIntercepts2);
        vmcb.LeaveToHost(IopmBase, "address of the I/O permission map, 12 KiB of the host's kernel");
        vmcb.LeaveToHost(MsrpmBase, "address of the MSR permission map, 8 KiB of the host's kernel");
        vmcb.LeaveToHost(TscOffset, "the host's TSC subtracted from the guest's");
        vmcb.LeaveToHost(GuestAsid, "a number of the host's, not zero: it tags TLB entries");
        vmcb.LeaveToHost(TlbControl, "1 when the ASID is used for the first time: flush");
        vmcb.Set(VirtualInterrupt, 1UL << SvmControl.VirtualInterruptMasking, "V_INTR_MASKING");
        vmcb.Set(InterruptShadow, state.Events.InterruptShadow != 0 ? 1u : 0);
        vmcb.Set(NestedControl, nested ? 1u : 0);
        vmcb.Set(EventInjection, Event(state));
        if (nested) vmcb.LeaveToHost(NestedCr3, "host-physical root of the nested tables");
        vmcb.Set(CleanBits, 0, "nothing is cached on the first entry");
        vmcb.Set(NextRip, 0, "written by exits");
    }

    private static ulong Event(ProcessorState state)
    {
        PendingEvents events = state.Events;
        if (events.ExceptionInjected)
        {
            ulong error = events.ExceptionHasErrorCode ? InjectedEvent.DeliverErrorCode | ((ulong)events.ExceptionErrorCode << 32) : 0;
            return InjectedEvent.Valid | (InjectedEvent.HardwareException << 8) | events.ExceptionVector | error;
        }

        if (events.NmiInjected) return InjectedEvent.Valid | (InjectedEvent.Nmi << 8) | 2;
        if (!events.InterruptInjected) return 0;
        return InjectedEvent.Valid | ((events.InterruptSoft ? 4u : 0) << 8) | events.InterruptVector;
    }

    private static void BuildControlRegisters(Vmcb vmcb, ProcessorState state, bool nested)
    {
        bool paging = (state.Cr0 & Registers.Cr0.PG) != 0;
        ulong cr0 = state.Cr0 & ~(Registers.Cr0.CD | Registers.Cr0.NW);
        ulong cr4 = state.Cr4 | Registers.Cr4.MCE;
        ulong efer = state.Efer | Svme;
        if (nested)
        {
            vmcb.Set(VmcbField.Cr0, cr0, "KVM keeps CD and NW off");
            vmcb.Set(VmcbField.Cr3, state.Cr3, paging ? "the guest's own: nested paging translates what its tables hold" : "not used while paging is off: nested paging translates");
            vmcb.Set(VmcbField.Cr4, cr4, "MCE is the host's");
            vmcb.Set(VmcbField.Efer, efer, "SVME is always on");
            vmcb.Set(GuestPat, Pat(state));
            return;
        }

        if (!paging)
        {
            efer &= ~Registers.Efer.LME;
            cr4 &= ~(Registers.Cr4.SMEP | Registers.Cr4.SMAP | Registers.Cr4.PKE);
        }

        vmcb.Set(VmcbField.Cr0, cr0 | Registers.Cr0.PG | Registers.Cr0.WP, "PG and WP are always on for the shadow tables; SVM runs even real mode so");
        vmcb.LeaveToHost(VmcbField.Cr3, "host-physical root of the shadow tables; the guest's own CR3 is only a value in KVM");
        vmcb.Set(VmcbField.Cr4, cr4 | Registers.Cr4.PAE, "PAE is the shadow tables' format; MCE is the host's");
        vmcb.Set(VmcbField.Efer, efer | Registers.Efer.NXE, "SVME is always on, NXE for the shadow tables");
        vmcb.Set(GuestPat, Pat(state), "used with nested paging only");
    }

    private static void BuildSegments(Vmcb vmcb, ProcessorState state)
    {
        foreach ((int number, VmcbField selector) in s_segments)
        {
            SegmentRegister segment = state.Segments[number];
            // The VMCB has no "unusable": a register without a segment isn't present.
            uint access = segment.Unusable ? segment.Access & ~0x80u : segment.Access;
            vmcb.Set(selector, segment.Selector);
            vmcb.Set(selector + 1, (access & 0xFF) | ((access >> 4) & 0xF00), segment.Unusable ? "not present" : null);
            vmcb.Set(selector + 2, segment.Limit);
            vmcb.Set(selector + 3, segment.Base);
        }

        vmcb.Set(GdtrLimit, state.Gdtr.Limit);
        vmcb.Set(GdtrBase, state.Gdtr.Base);
        vmcb.Set(IdtrLimit, state.Idtr.Limit);
        vmcb.Set(IdtrBase, state.Idtr.Base);
        bool real = (state.Cr0 & Registers.Cr0.PE) == 0;
        bool virtual8086 = !real && (state.Rflags & Registers.Rflags.VM) != 0;
        vmcb.Set(Cpl, real ? 0u : virtual8086 ? 3u : state.Segments[Seg.Ss].Dpl);
    }

    private static ulong Pat(ProcessorState state) => state.Msrs.TryGetValue(Msr.IA32_PAT, out ulong pat) ? pat : ResetState.DefaultPat;
}
